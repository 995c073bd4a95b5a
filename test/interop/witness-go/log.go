package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

// runLog grows a Tessera log in several steps. Tessera publishes a checkpoint only
// once the witness has cosigned it; the last one is left in FOLDER/checkpoint.
func runLog(witnessURL, witnessKey, skey, folder string) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	signer, err := note.NewSigner(skey)
	must(err)
	root, err := url.Parse(witnessURL)
	must(err)
	w, err := tessera.NewWitness(witnessKey, root)
	must(err)
	driver, err := posix.New(ctx, posix.Config{Path: folder})
	must(err)
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCheckpointInterval(200*time.Millisecond).
		WithBatching(64, 20*time.Millisecond).
		WithWitnesses(tessera.NewWitnessGroup(1, w), &tessera.WitnessOptions{Timeout: 5 * time.Second}))
	must(err)
	await := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 50*time.Millisecond)
	total := 0
	for _, count := range []int{1, 2, 300, 1, 400} {
		var last tessera.IndexFuture
		for range count {
			last = appender.Add(ctx, tessera.NewEntry(fmt.Appendf(nil, "entry %d", total)))
			total++
		}
		index, cp, err := await.Await(ctx, last)
		if err == nil && !w.Satisfied(cp) {
			err = fmt.Errorf("the published checkpoint lacks the cosignature:\n%s", cp)
		}
		if err == nil && index.Index != uint64(total-1) {
			err = fmt.Errorf("the index is %d", index.Index)
		}
		check(fmt.Sprintf("Tessera publishes %d entries with the cosignature", total), err)
	}
	must(shutdown(ctx))
	_, err = os.Stat(filepath.Join(folder, "checkpoint"))
	check("the checkpoint is on disk", err)
	finish()
}
