// SPDX-License-Identifier: Apache-2.0
// The lines that the page holds: the newest of a stream without end. Pure.
//
// Lines have numbers that never change, from 0 on. They are kept in pieces of 4,096, of which the oldest goes when there are
// more than `capacity` lines: nothing is ever moved, and a million lines cost their text and 15 bytes each.

export const GAP = 8, CUT = 16, PROGRESS = 32;
const severityBits = 7;
const pieceSize = 4096;

export interface Entry {
    text: string;
    /** ms since 1970. */
    at: number;
    rank: number;
    attempt: number;
    /** Severity (severity.ts) and GAP, CUT, PROGRESS. */
    flags: number;
}

interface Piece { texts: string[]; at: Float64Array; rank: Uint16Array; attempt: Int32Array; flags: Uint8Array }

const newPiece = (): Piece => ({
    texts: new Array<string>(pieceSize), at: new Float64Array(pieceSize), rank: new Uint16Array(pieceSize),
    attempt: new Int32Array(pieceSize), flags: new Uint8Array(pieceSize)});

export class LogRing {
    /** Number of the oldest line; `end` is behind the newest. */
    first = 0;
    end = 0;
    /** How many lines went because there were too many. */
    dropped = 0;
    private readonly pieces = new Map<number, Piece>();

    constructor(readonly capacity = 1_000_000) {}

    get size(): number { return this.end - this.first; }

    push(entry: Entry): void {
        this.put(this.end, entry);
        this.end += 1;
        if (this.size > this.capacity) this.dropOldest();
    }

    text(seq: number): string { return this.piece(seq)?.texts[offset(seq)] ?? ''; }
    at(seq: number): number { return this.piece(seq)?.at[offset(seq)] ?? 0; }
    rank(seq: number): number { return this.piece(seq)?.rank[offset(seq)] ?? 0; }
    attempt(seq: number): number { return this.piece(seq)?.attempt[offset(seq)] ?? 0; }
    flags(seq: number): number { return this.piece(seq)?.flags[offset(seq)] ?? 0; }
    severity(seq: number): number { return this.flags(seq) & severityBits; }

    /** Texts from `from` to `to`, without the latter. */
    texts(from: number, to: number): string[] {
        const out: string[] = [];
        for (let seq = from; seq < to; ++seq) out.push(this.text(seq));
        return out;
    }

    private piece(seq: number): Piece | undefined {
        return seq < this.first || seq >= this.end ? undefined : this.pieces.get(Math.floor(seq / pieceSize));
    }

    private put(seq: number, entry: Entry): void {
        const key = Math.floor(seq / pieceSize);
        let piece = this.pieces.get(key);
        if (piece === undefined) this.pieces.set(key, piece = newPiece());
        const i = offset(seq);
        piece.texts[i] = entry.text;
        piece.at[i] = entry.at;
        piece.rank[i] = entry.rank;
        piece.attempt[i] = entry.attempt;
        piece.flags[i] = entry.flags;
    }

    private dropOldest(): void {
        const key = Math.floor(this.first / pieceSize);
        const next = Math.min(this.end, (key + 1) * pieceSize);
        this.pieces.delete(key);
        this.dropped += next - this.first;
        this.first = next;
    }
}

const offset = (seq: number): number => seq % pieceSize;
