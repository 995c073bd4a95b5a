module muniment/interop/ledger-go

go 1.25.0

// Not older than v0.40.0: before it, tlog.TileHashReader let altered tiles
// through (CVE-2026-56865), and these checks fail on it.
require golang.org/x/mod v0.40.0
