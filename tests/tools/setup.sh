#!/usr/bin/env bash
# Sees to the system packages that a target needs: `setup.sh build [test] [python] [node] [browser] [interop] [reach]`.
# Installs what is missing where root and apt are there; else names it exactly and fails, touching nothing.
set -euo pipefail

missing=()
need_command() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }
need_gst_plugin() {
  /usr/bin/python3 -c 'import sys, gi; gi.require_version("Gst", "1.0"); from gi.repository import Gst; Gst.init(None)
sys.exit(not Gst.ElementFactory.find(sys.argv[1]))' "$1" 2>/dev/null || missing+=("$2")
}

for group in "$@"; do
  case "$group" in
    build)
      need_command cc gcc
      need_command c++ g++
      need_command cmake cmake               # libopus and aws-lc are built from source
      need_command pkg-config pkg-config
      if command -v pkg-config >/dev/null 2>&1; then pkg-config --exists alsa || missing+=(libasound2-dev)
      else missing+=(libasound2-dev); fi
      ;;
    test)
      need_command pulseaudio pulseaudio     # a sound card where there is none
      need_command pactl pulseaudio-utils
      need_command curl curl                 # the documented call of the server API
      need_command tmux tmux                 # terminals for express-call
      need_command nats-server nats-server   # the bus between nodes
      ;;
    python)
      need_command python3 python3
      python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
      # The package that scores speech is built from source.
      [ -n "$(find /usr/include -path '*python3*/Python.h' -print -quit 2>/dev/null)" ] || missing+=(python3-dev)
      ;;
    node)
      need_command node nodejs
      need_command npm npm
      ;;
    browser)
      need_command chromium chromium
      need_command firefox-esr firefox-esr
      # Without any font a page has no text to look at.
      [ -n "$(find /usr/share/fonts -name '*.[to]tf' -print -quit 2>/dev/null)" ] || missing+=(fonts-dejavu-core)
      ;;
    interop)
      # Debian's GStreamer, which Debian's own Python finds.
      /usr/bin/python3 -c 'import gi; gi.require_version("GstWebRTC", "1.0")' 2>/dev/null \
        || missing+=(python3-gst-1.0 gir1.2-gst-plugins-bad-1.0)
      need_gst_plugin audiotestsrc gstreamer1.0-plugins-base
      need_gst_plugin rtpopuspay gstreamer1.0-plugins-good
      need_gst_plugin webrtcbin gstreamer1.0-plugins-bad
      need_gst_plugin nicesrc gstreamer1.0-nice
      ;;
    reach)
      # A machine behind a firewall, and a TURN server.
      need_command turnserver coturn
      need_command iptables iptables
      need_command ip iproute2
      need_command openssl openssl
      ;;
    *) echo "setup.sh: unknown group '$group' (known: build test python node browser interop reach)" >&2; exit 2 ;;
  esac
done

if ! command -v cargo >/dev/null 2>&1; then
  echo "Rust is missing: install it from https://rustup.rs, then run this again." >&2
  exit 1
fi
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing: ${missing[*]}"
  log=$(mktemp)
  if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    cat "$log" >&2; exit 1
  fi
  rm -f "$log"
else
  echo "These packages are missing (Debian names): ${missing[*]}" >&2
  echo "Install them, for example: sudo apt-get install ${missing[*]}" >&2
  exit 1
fi
