/** Short words for what the tests speak of: rooms, users, streams, events, answers. */

export const options = () => ({
  appID: 1,
  servers: ["ws://one/v1/signal"],
  roomID: "room",
  token: "token-1",
  userID: "me",
  userName: "Me",
  userUpdate: true,
  maxMemberCount: 0,
});

export const user = (name) => ({ user_id: name, user_name: name });

/** `s@a`, `s@a!` for one that is muted, `s@a=text` for one with extra info. */
export function stream(text) {
  const [, name, owner, muted, extra = ""] = /^(\w+)@(\w+)(!?)(?:=(.*))?$/.exec(text);
  return { stream_id: name, user: user(owner), extra_info: extra, ...(muted ? { muted: true } : {}) };
}

/** Users by name, streams as `stream` reads them. */
export const snapshot = (seq = 0, users = [], streams = []) => ({ seq, users: users.map(user), streams: streams.map(stream) });

const TERMS = {
  version: 1,
  heartbeat_ms: 30_000,
  heartbeat_timeout_ms: 100_000,
  token_expires_in_ms: 86_400_000,
  server_time_ms: 0,
  online_count: 0,
};

export const loginOk = (shown = snapshot(), more = {}) => ({
  ...TERMS,
  session: "session",
  secret: "secret",
  room_session_id: 1,
  snapshot: shown,
  ...more,
});

export const resumeOk = (missed, shown = null, more = {}) => ({
  ...TERMS,
  missed,
  snapshot: shown,
  publishing: [],
  playing: [],
  ...more,
});

export const heartbeatOk = (seq = 0, more = {}) => ({
  seq,
  heartbeat_ms: 30_000,
  token_expires_in_ms: 86_400_000,
  online_count: 0,
  ...more,
});

export const fatal = (code, message = "no") => ({ code, message, retry: null });
export const later = (code, afterMs, message = "later") => ({ code, message, retry: { after_ms: afterMs } });

const update = (text) => (text.startsWith("+") ? "ADD" : "DELETE");
const names = (text) => text.slice(1).split(",");

/** `+a,b` or `-a`. */
export const users = (text) => ({ event: "roomUserUpdate", update: update(text), users: names(text).map(user) });

/** `+s@a,t@b` or `-s@a`; what goes goes because its publisher stopped it. */
export function streams(text) {
  const items = names(text).map(stream);
  const reasons = update(text) === "DELETE" ? items.map(({ stream_id }) => ({ stream_id, reason: "stopped" })) : [];
  return { event: "roomStreamUpdate", update: update(text), streams: items, reasons };
}

export const kick = (code, need_relogin = false, message = "why") => ({ event: "kickOut", code, message, need_relogin });
export const mic = (streamID, muted) => ({ event: "streamMicUpdate", stream_id: streamID, muted });
export const info = (...texts) => ({ event: "streamExtraInfoUpdate", streams: texts.map(stream) });
export const ended = (streamID, role, code) => ({ event: "streamEnded", stream_id: streamID, role, code, message: "" });

export const sequenced = (seq, event) => ({ seq, ...event });

/** What a listener was told, as text: `RECONNECTING 1000017`, `users +a,b`, `streams -s(1)`, `link up`, ... */
export function text(event, args) {
  switch (event) {
    case "onState":
      return `${args[0]} ${args[1]}`;
    case "onEnd":
      return `end ${args[0]}`;
    case "onUsers":
      return `users ${sign(args[0])}${args[1].map(({ userID }) => userID)}`;
    case "onStreams":
      return `streams ${sign(args[0])}${args[1].map((each, index) => each.streamID + deleteCode(args[2], index))}`;
    case "onStreamExtraInfo":
      return `info ${args[0].map(({ streamID, extraInfo }) => `${streamID}=${extraInfo}`)}`;
    case "onRoomInfo":
      return args[0].map(({ key, value, updateUser }) => `${updateUser.userID} set ${key}=${value}`).join();
    case "onStreamMic":
      return `mic ${args[0]} ${args[1] ? "MUTE" : "OPEN"}`;
    case "onStreamEnded":
      return `ended ${args[0].role} ${args[0].streamID} ${args[0].code}`;
    case "onLink":
      return `link ${args[0] ? linkWord(args[1]) : "down"}`;
    case "onTokenWillExpire":
      return `token ends in ${args[0]}`;
    case "onOnlineCount":
      return `online ${args[0]}`;
    default:
      return `${event} ${JSON.stringify(args)}`;
  }
}

function linkWord({ fresh, moved }) {
  if (moved) {
    return "moved";
  }
  return fresh ? "fresh" : "resumed";
}

const sign = (word) => (word === "ADD" ? "+" : "-");
const deleteCode = (json, index) => (json === "" ? "" : `(${JSON.parse(json).stream_delete_reason[index].code})`);
