#!/usr/bin/env bash
# Mouth to ear through a sound daemon: a private PulseAudio with a room of two channels. The left one is what is said and what
# the microphone hears, the right one what the speaker plays; a recording of the room holds both by one clock.
# `devices.sh [arguments of mouth-to-ear]`; needs pulseaudio and pulseaudio-utils (tests/tools/setup.sh test).
set -euo pipefail
cd "$(dirname "$0")/../.."

state=$(mktemp -d)
trap 'kill "$(cat "$state/pa.pid")" 2>/dev/null || true; rm -rf "$state"' EXIT
started=$(tests/tools/start_pulse.sh "$state")
export PULSE_SERVER=${started#PULSE_SERVER=}

side() { echo "channels=1 channel_map=mono master_channel_map=front-$1 remix=no"; }
# Each word of a side is an argument of its own.
# shellcheck disable=SC2046
{
  pactl load-module module-null-sink norewinds=1 sink_name=room rate=48000 channels=2 channel_map=front-left,front-right format=float32le
  pactl load-module module-remap-sink sink_name=mouth master=room $(side left)
  pactl load-module module-remap-sink sink_name=ear master=room $(side right)
  pactl load-module module-remap-source source_name=hears master=room.monitor $(side left)
  pactl set-default-sink ear
  pactl set-default-source hears
} >/dev/null
"${CARGO_TARGET_DIR:-target}/release/mouth-to-ear" --devices "$@"
