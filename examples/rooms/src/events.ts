/** What a room tells those who are in it. On the wire each event also carries its connection's `seq`: 1, 2, 3 ... without a gap. */

/** A room at one moment. `bids`, `sold` and `turnover` count over all lots and only ever grow. */
export interface RoomState {
  name: string;
  open: boolean;
  lot: { number: number; title: string; opening: number };
  price: number | null;
  leader: string | null;
  /** The least the next bid may be; null between two lots. */
  minimum: number | null;
  bids: number;
  sold: number;
  turnover: number;
  members: number;
}

export type RoomEvent =
  | { type: 'room'; room: RoomState }
  | { type: 'lot'; number: number; title: string; opening: number; minimum: number }
  | { type: 'bid'; lot: number; bidder: string; price: number; minimum: number; bids: number }
  | { type: 'hammer'; lot: number; price: number | null; buyer: string | null; sold: number; turnover: number }
  | { type: 'refused'; reason: string; price: number | null; minimum: number | null };

export type BidAnswer =
  { accepted: true; price: number; minimum: number } | { accepted: false; reason: string; price: number | null; minimum: number | null };
