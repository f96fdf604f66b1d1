/* Loaded into ferrokinesis, which would listen on every interface: makes it listen on a free port of the loopback interface and say
 * which. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int bind(int fd, const struct sockaddr *addr, socklen_t len) {
	int (*next)(int, const struct sockaddr *, socklen_t) = (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "bind");
	if (addr->sa_family != AF_INET || len < sizeof(struct sockaddr_in)) {
		return next(fd, addr, len);
	}
	struct sockaddr_in in;
	memcpy(&in, addr, sizeof in);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in.sin_port = 0;
	int r = next(fd, (struct sockaddr *)&in, sizeof in);
	socklen_t n = sizeof in;
	if (r == 0 && getsockname(fd, (struct sockaddr *)&in, &n) == 0) {
		fprintf(stderr, "listening on 127.0.0.1:%d\n", ntohs(in.sin_port));
	}
	return r;
}
