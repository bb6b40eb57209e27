/**
 * The browser SDK of Express Audio. `server` left empty is the server that the page came from.
 *
 *     import { ZegoExpressEngine } from "/sdk/express.js";
 *     const zg = new ZegoExpressEngine(1, "");
 *
 * @module
 */

export { ZegoExpressEngine, ZegoExpressEngine as default } from "./engine.js";
export { ZegoLocalStream } from "./local/local-stream.js";
export { ZegoStreamView } from "./local/remote-view.js";
export { ZegoError } from "./base/errors.js";
export { codeName, codes } from "./base/codes.js";
