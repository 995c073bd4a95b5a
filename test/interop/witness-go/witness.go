package main

import (
	"context"
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"os"

	f_note "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/witness/persistence/inmemory"
	"github.com/transparency-dev/witness/witness"
	"golang.org/x/mod/sumdb/note"
)

// serveWitness is the witness that transparency-dev's omniwitness is made of.
func serveWitness(logKey, name string) {
	log, err := note.NewVerifier(logKey)
	must(err)
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	must(err)
	signer, err := f_note.NewSignerForCosignatureV1(skey)
	must(err)
	cosignKey, err := f_note.VKeyToCosignatureV1(vkey)
	must(err)
	w, err := witness.New(context.Background(), witness.Opts{
		Persistence: inmemory.New(),
		Signers:     []note.Signer{signer},
		VerifierForLog: func(_ context.Context, origin string) (note.Verifier, bool, error) {
			return log, origin == log.Name(), nil
		},
	})
	must(err)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", witness.NewHTTPHandler(w).AddCheckpoint)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	go func() { must(http.Serve(listener, mux)) }()
	print(map[string]string{"url": "http://" + listener.Addr().String(), "verifierKey": cosignKey})
	_, _ = io.Copy(io.Discard, os.Stdin)
}
