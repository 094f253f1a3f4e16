/** The auction house: its rooms by name. */
import { Room } from './room.ts';

/** A room's name is part of addresses and file names: nothing else gets in. */
const roomName = /^[a-z][a-z0-9-]{0,31}$/;
const maxRooms = 200;

export interface HouseOptions {
  lotMs: number;
  restMs: number;
  /** Called for each new room. */
  onRoom?: (room: Room) => void;
}

/** A room that can not be opened; `status` is the HTTP status that says so. */
export class RoomRefused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class House {
  readonly #options: HouseOptions;
  readonly #rooms = new Map<string, Room>();

  constructor(options: HouseOptions) {
    this.#options = options;
  }

  /** @throws {RoomRefused} when the name is taken or no name at all, or the house is full. */
  openRoom(name: string, lotMs: number = this.#options.lotMs): Room {
    if (!roomName.test(name)) throw new RoomRefused(400, 'a name has up to 32 lower-case letters, digits and dashes');
    if (this.#rooms.has(name)) throw new RoomRefused(409, `there is a room ${name} already`);
    if (this.#rooms.size >= maxRooms) throw new RoomRefused(503, `the house has ${maxRooms} rooms and no more`);
    const room = new Room({ name, lotMs, restMs: this.#options.restMs });
    this.#rooms.set(name, room);
    this.#options.onRoom?.(room);
    return room;
  }

  room(name: string): Room | undefined {
    return this.#rooms.get(name);
  }

  rooms(): Room[] {
    return [...this.#rooms.values()];
  }

  close(): void {
    for (const room of this.#rooms.values()) room.close();
  }
}
