/** The console page: one session, and a view for each part of the page. */

import { ZegoExpressEngine } from "../sdk/express.js";
import { Session } from "./session/session.js";
import { showExample } from "./views/example.js";
import { JoinPanel } from "./views/join.js";
import { showLog } from "./views/log.js";
import { showMessages } from "./views/messages.js";
import { showNotices } from "./views/notices.js";
import { showPeople } from "./views/people.js";
import { showSound } from "./views/sound.js";
import { showStatus } from "./views/status.js";
import { showStreams } from "./views/streams.js";

const session = new Session({
  createEngine: (appID, server) => new ZegoExpressEngine(appID, server),
  now: () => Date.now(),
});

showExample(location.origin);
const join = new JoinPanel(session);
showStatus(session);
showNotices(session, () => join.mint(session.room.userID));
showSound(session, () => join.where());
showPeople(session);
showStreams(session);
showMessages(session);
showLog(session);

// Others are told at once that this user is gone, and the microphone is closed.
addEventListener("pagehide", () => session.destroy());
