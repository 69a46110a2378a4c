// SPDX-License-Identifier: Apache-2.0
// Which lines are shown, and where: filters over the ring, and the arithmetic of a list that is far longer than a browser
// can lay out. Pure.
import type {LogRing} from './ring';

/** The lines that pass the filters, by their place in the list. Without a filter that is all of the ring, and costs nothing. */
export class Shown {
    private list: number[] | undefined;
    private from = 0;    // of list: those before were dropped from the ring
    private seenEnd = 0;

    constructor(private readonly ring: LogRing, private readonly passes?: (seq: number) => boolean) {
        if (passes !== undefined) {
            this.list = [];
            this.seenEnd = ring.first;
            this.update();
        }
    }

    /** Exactly these lines, rising. */
    static of(ring: LogRing, seqs: number[]): Shown {
        const shown = new Shown(ring);
        shown.list = seqs;
        return shown;
    }

    /** After lines came or went. */
    update(): void {
        if (this.list === undefined || this.passes === undefined) return;
        const {ring} = this;
        for (let seq = Math.max(this.seenEnd, ring.first); seq < ring.end; ++seq) if (this.passes(seq)) this.list.push(seq);
        while (this.from < this.list.length && this.list[this.from]! < ring.first) this.from += 1;
        if (this.from > 65_536) { this.list = this.list.slice(this.from); this.from = 0; }
        this.seenEnd = ring.end;
    }

    get count(): number { return this.list === undefined ? this.ring.size : this.list.length - this.from; }

    seqAt(index: number): number { return this.list === undefined ? this.ring.first + index : this.list[this.from + index] ?? this.ring.end; }

    /** Place of the line `seq`, or of the next one that is shown. */
    indexOf(seq: number): number {
        if (this.list === undefined) return Math.min(Math.max(0, seq - this.ring.first), this.count);
        return lowerBound(this.list, seq, this.from) - this.from;
    }
}

/** First place from `from` on whose value is not below `value`. */
export function lowerBound(sorted: ArrayLike<number>, value: number, from = 0): number {
    let low = from;
    let high = sorted.length;
    while (low < high) {
        const middle = (low + high) >>> 1;
        if (sorted[middle]! < value) low = middle + 1; else high = middle;
    }
    return low;
}

/** Browsers lay out some 16 million pixels (at two device pixels each); beyond, a pixel of scrolling is more than one of the list. */
const maxHeight = 8_000_000;

export interface Scale { count: number; rowHeight: number; viewport: number }

export const listHeight = (s: Scale): number => Math.max(s.viewport, Math.min(s.count * s.rowHeight, maxHeight));

const ratio = (s: Scale): number => {
    const real = s.count * s.rowHeight - s.viewport;
    const laid = listHeight(s) - s.viewport;
    return laid <= 0 || real <= 0 ? 1 : real / laid;
};

/** The row at the top edge for a position of scrolling, with a fraction for how much of it is above the edge. */
export function rowAt(scrollTop: number, s: Scale): number {
    return Math.max(0, Math.min(scrollTop * ratio(s) / s.rowHeight, Math.max(0, s.count - s.viewport / s.rowHeight)));
}

/** The position of scrolling that has this row at the top edge. */
export function scrollFor(row: number, s: Scale): number {
    return Math.max(0, Math.min(row * s.rowHeight / ratio(s), listHeight(s) - s.viewport));
}
