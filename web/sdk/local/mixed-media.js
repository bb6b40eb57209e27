import { codes } from "../base/codes.js";
import { ZegoError } from "../base/errors.js";

/**
 * The sound of what a program mixes into a stream: a MediaStream or a media element.
 * @module
 */

/** A media element gives its sound to one audio graph for good, so there is one for all of the page, which is never closed. */
const contexts = new WeakMap();
/** What comes out of it, by the element. */
const taps = new WeakMap();

function refused(text) {
  return new ZegoError(codes.INPUT_PARAM, text);
}

/**
 * @param {import("../engine/world.js").World} world
 * @param {MediaStream | HTMLMediaElement} media
 * @returns {MediaStreamTrack} Its sound; an element goes on to be heard here.
 * @throws {ZegoError} 1100001 for anything else, and for what has no sound or gives it to another audio graph.
 */
export function trackOfMedia(world, media) {
  const stream = typeof media?.getAudioTracks === "function" ? media : tapOf(world, media);
  const [track] = stream.getAudioTracks();
  if (!track) throw refused("the MediaStream that is to be mixed in has no audio track");
  return track;
}

/** The sound of an element, whatever it plays, now and later: its own tracks end with what it plays, and Firefox silences it. */
function tapOf({ AudioContext }, element) {
  const context = contextOf(AudioContext);
  // Without a gesture of the user it stands still, and the element is silent.
  if (context.state === "suspended") context.resume().catch(() => {});
  const { stream } = taps.get(element) ?? makeTap(context, element);
  return stream;
}

function contextOf(AudioContext) {
  const context = contexts.get(AudioContext) ?? new AudioContext();
  contexts.set(AudioContext, context);
  return context;
}

function makeTap(context, element) {
  let source;
  try {
    source = context.createMediaElementSource(element);
  } catch (error) {
    const text =
      "what is to be mixed in is neither a MediaStream nor a media element, or the page gave the element to an audio graph";
    throw refused(`${text} of its own, of which it can give the MediaStream: ${error.message}`);
  }
  const destination = context.createMediaStreamDestination();
  source.connect(context.destination);
  source.connect(destination);
  const tap = { source, stream: destination.stream };
  taps.set(element, tap);
  return tap;
}
