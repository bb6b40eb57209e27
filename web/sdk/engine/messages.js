import { codes } from "../base/codes.js";
import { ZegoError } from "../base/errors.js";
import { commandText, requireMessage, requireRoomInfo, requireUserIDs } from "./arguments.js";

/** Messages to others in the room, and what is attached to it. */
export class Messages {
  #rooms;

  /** @param {import("./rooms.js").Rooms} rooms */
  constructor(rooms) {
    this.#rooms = rooms;
  }

  /** `sendBroadcastMessage` and `sendBarrageMessage`, whose requests have the same names. */
  async send(type, roomID, message) {
    requireMessage(message);
    const { message_id } = await this.#request(roomID, type, { message });
    return { errorCode: codes.SUCCESS, messageID: message_id, extendedData: "" };
  }

  /** `sendCustomCommand`. Who of the list was not there stands in `extendedData`. */
  async command(roomID, command, toUserIDs) {
    const text = commandText(command);
    requireUserIDs(toUserIDs);
    const { absent } = await this.#request(roomID, "sendCustomCommand", { command: text, to_users: toUserIDs });
    return { errorCode: codes.SUCCESS, extendedData: absent.length > 0 ? JSON.stringify({ absent }) : "" };
  }

  /** `setRoomExtraInfo`. */
  async setRoomInfo(roomID, key, value) {
    requireRoomInfo(key, value);
    const room = this.#rooms.ready(roomID);
    if (!room) throw new ZegoError(codes.ROOM_ROOMID_INCORRECT, `not logged in to room ${JSON.stringify(roomID)}`);
    await room.request("setRoomExtraInfo", { key, value });
    return { errorCode: codes.SUCCESS, extendedData: "" };
  }

  async #request(roomID, type, fields) {
    this.#rooms.require();
    if (!this.#rooms.room(roomID)) {
      throw new ZegoError(codes.IM_ROOM_INCORRECT, `not logged in to room ${JSON.stringify(roomID)}`);
    }
    const room = this.#rooms.ready(roomID);
    if (!room) throw new ZegoError(codes.NOT_LOGIN, "the login is not done yet; wait for it");
    try {
      return await room.request(type, fields);
    } catch (error) {
      // It may have arrived or not, and one that is sent again may arrive twice: that is the program's to decide.
      if (error.retryAfterMs === undefined) throw new ZegoError(codes.IM_SEND_FAIL, `not sent: ${error.message}`);
      throw error;
    }
  }
}
