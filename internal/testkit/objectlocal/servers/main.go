// Servers is a server of Amazon S3's protocol that keeps objects as files, or one of Google Cloud
// Storage's that keeps them in memory, on a free port of the loopback interface:
//
//	servers s3 FOLDER
//	servers gs
//
// It says where it listens, and ends when its standard input does.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
)

// The credentials of the server of S3's protocol, which checks signatures.
const (
	access = "local-access"
	secret = "local-secret"
)

func main() {
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // until it ends
		stop()
	}()
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "s3":
		err = serveS3(ctx, os.Args[2])
	case len(os.Args) == 2 && os.Args[1] == "gs":
		err = serveGCS(ctx)
	default:
		err = fmt.Errorf("usage: servers s3 FOLDER | servers gs")
	}
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "servers:", err)
		os.Exit(1)
	}
}

// serveS3 serves what is below a folder. The gateway wants to know its port beforehand, so it gets a
// socket in the folder, and what comes to a free port is handed on to that.
func serveS3(ctx context.Context, folder string) error {
	for _, name := range []string{"objects", "attributes"} {
		if err := os.MkdirAll(filepath.Join(folder, name), 0o755); err != nil {
			return err
		}
	}
	attributes, err := meta.NewSideCar(filepath.Join(folder, "attributes"))
	if err != nil {
		return err
	}
	store, err := posix.New(filepath.Join(folder, "objects"), attributes, posix.PosixOpts{
		SideCarDir: filepath.Join(folder, "attributes"), NewDirPerm: 0o755, ForceNoTmpFile: true, Concurrency: 64,
	})
	if err != nil {
		return err
	}
	socket := filepath.Join(folder, "gateway.sock")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("listening on %s\n", listener.Addr())
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go forward(c, socket)
		}
	}()
	return embedgw.RunVersityGW(ctx, store, &embedgw.Config{
		RootUserAccess: access, RootUserSecret: secret, Region: "us-east-1", Ports: []string{socket}, KeepAlive: true, Quiet: true,
		MaxConnections: 1000, MaxRequests: 1000, MultipartMaxParts: 10_000,
	})
}

// forward hands on what comes over a connection, both ways, until one side ends.
func forward(c net.Conn, socket string) {
	defer c.Close()
	to, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	defer to.Close()
	done := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{c, to}, {to, c}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1])
			done <- struct{}{}
		}()
	}
	<-done
}

func serveGCS(ctx context.Context) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	// Objects are read from the host that is public, which is this one.
	server, err := fakestorage.NewServerWithOptions(fakestorage.Options{NoListener: true, PublicHost: listener.Addr().String(), Writer: io.Discard})
	if err != nil {
		return err
	}
	fmt.Printf("listening on %s\n", listener.Addr())
	serve := &http.Server{Handler: server.HTTPHandler(), ReadHeaderTimeout: time.Minute}
	go func() {
		<-ctx.Done()
		_ = serve.Close()
	}()
	return serve.Serve(listener)
}
