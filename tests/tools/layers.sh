#!/usr/bin/env bash
# Holds the layers of ARCHITECTURE.md: which crate may know which. Asks cargo for the real dependency graph.
set -euo pipefail

failed=0
# forbid WHAT PATTERN CARGO-TREE-ARGUMENTS...: no normal dependency of that selection may match PATTERN.
forbid() {
  local what=$1 pattern=$2; shift 2
  local found
  found=$(cargo tree -q -e normal --prefix none --locked "$@" | awk 'NR > 1 { print $1 }' | sort -u | grep -E "^($pattern)$" || true)
  if [ -n "$found" ]; then
    echo "layer broken: $what: $(tr '\n' ' ' <<<"$found")" >&2
    failed=1
  fi
}

forbid "the plain messages compile without an actor system" 'actix.*|tokio' -p express-messages
forbid "express-token depends on none of ours and on no actor system" 'express-.*|actix.*|tokio' -p express-token
forbid "the protocol types compile without an actor system" 'actix.*|tokio.*|webrtc' \
  -p express-signalling --no-default-features --features protocol
forbid "signalling knows no sibling" 'express-(token|media|audio-io|engine|server|web)' -p express-signalling
forbid "media knows no sibling" 'express-(token|signalling|audio-io|engine|server|web)' -p express-media
forbid "audio-io knows no sibling" 'express-(token|signalling|media|engine|server|web)' -p express-audio-io
forbid "the engine without default-parts brings no part" 'express-(signalling|media|audio-io)|webrtc|cpal|opus.*' \
  -p express-engine --no-default-features
forbid "the engine does not know the server" 'express-(server|token|web)' -p express-engine
forbid "the server does not know the client's parts" 'express-(media|audio-io|engine)|webrtc|cpal|opus.*' -p express-server
forbid "the terminal client knows the engine alone" 'express-(server|token|web|examples)' -p express-call

[ "$failed" = 0 ] && echo "layers hold"
exit "$failed"
