'use strict';

// Loaded into kinesis-local before its own code, which would listen on every interface and outlive the test: makes it listen on a free
// port of the loopback interface, say which is that without TLS, and end with the test.

const net = require('node:net');

const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function (...args) {
  const ready = args.find((a) => typeof a === 'function');
  const asked = typeof args[0] === 'object' ? args[0].port : args[0];
  if (String(asked) === process.env.KINESIS_MOCK_PLAIN_PORT) {
    this.once('listening', () => process.stdout.write(`listening on 127.0.0.1:${this.address().port}\n`));
  }
  return listen.call(this, { host: '127.0.0.1', port: 0 }, ready);
};

process.stdin.on('end', () => process.exit(0)).resume();
