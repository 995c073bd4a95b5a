// A transparency log of others on the same machine: Tessera with its POSIX storage, behind the plainest HTTP server.
// POST /add takes an entry and answers with its index once it is durably integrated into the tree; unlike Muniment it
// verifies no signature, judges nothing, and hands no proof out. Prints its address and ends with its standard input.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

const maxEntry = 256 * 1024

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: tessera FOLDER")
	}
	ctx := context.Background()
	secret, _, err := note.GenerateKey(rand.Reader, "bench.local/tessera")
	check(err)
	signer, err := note.NewSigner(secret)
	check(err)
	driver, err := posix.New(ctx, posix.Config{Path: os.Args[1]})
	check(err)
	// A batch is one round of the load's connections, or what came within 5 ms.
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCheckpointInterval(time.Second).
		WithBatching(64, 5*time.Millisecond)
	appender, shutdown, _, err := tessera.NewAppender(ctx, driver, options)
	check(err)

	http.HandleFunc("POST /add", func(w http.ResponseWriter, r *http.Request) {
		entry, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEntry))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		index, err := appender.Add(r.Context(), tessera.NewEntry(entry))()
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"index":%d}`, index.Index)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Printf("http://%s\n", listener.Addr())
	go func() { check(http.Serve(listener, nil)) }()
	_, err = io.Copy(io.Discard, os.Stdin)
	check(err)
	check(shutdown(ctx))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
