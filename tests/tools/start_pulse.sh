#!/bin/sh
# Starts a private PulseAudio server for tests: no sound card, no systemd, no D-Bus, root or not.
#
#   start_pulse.sh STATE_DIR [--loopback]    prints PULSE_SERVER=unix:... for the environment of what is tested
#   stop_pulse:  kill "$(cat STATE_DIR/pa.pid)"
#
# The default speaker is the null sink test_speaker. The default microphone is test_microphone, which hears what is played to
# the null sink test_microphone_feed; with --loopback it hears the speaker instead.
#
# norewinds=1 matters: without it a null sink stalls for 1.4 to 2 s whenever a stream comes or goes.
# Needs Debian's pulseaudio and pulseaudio-utils (and libasound2-plugins for ALSA on top of it).
set -eu

state=${1:?usage: start_pulse.sh STATE_DIR [--loopback]}
hears=test_microphone_feed.monitor
[ "${2:-}" != "--loopback" ] || hears=test_speaker.monitor
format="rate=48000 channels=2 format=float32le"

mkdir -p "$state/run" "$state/state"
chmod 700 "$state/run"
cat > "$state/test.pa" <<CONFIG
load-module module-native-protocol-unix socket=$state/run/native auth-anonymous=1
load-module module-null-sink norewinds=1 sink_name=test_speaker $format sink_properties=device.description=Test_Speaker
load-module module-null-sink norewinds=1 sink_name=test_microphone_feed $format sink_properties=device.description=Test_Microphone_Feed
load-module module-remap-source source_name=test_microphone master=$hears source_properties=device.description=Test_Microphone
set-default-sink test_speaker
set-default-source test_microphone
CONFIG

env -u DBUS_SESSION_BUS_ADDRESS HOME="$state/state" XDG_RUNTIME_DIR="$state/run" PULSE_RUNTIME_PATH="$state/run" \
    PULSE_STATE_PATH="$state/state" \
    pulseaudio -n -F "$state/test.pa" --daemonize=no --exit-idle-time=-1 --use-pid-file=no --disable-shm=yes \
    --realtime=no --high-priority=no --log-target=stderr --log-level=notice > "$state/pa.log" 2>&1 &
echo $! > "$state/pa.pid"

tries=0
until PULSE_SERVER="unix:$state/run/native" pactl info > /dev/null 2>&1; do
    tries=$((tries + 1))
    if [ "$tries" -gt 50 ]; then
        cat "$state/pa.log" >&2
        exit 1
    fi
    sleep 0.1
done
echo "PULSE_SERVER=unix:$state/run/native"
