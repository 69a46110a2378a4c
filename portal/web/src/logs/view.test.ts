// SPDX-License-Identifier: Apache-2.0
import {expect, test} from 'vitest';
import {LogRing} from './ring';
import {listHeight, lowerBound, rowAt, scrollFor, Shown, type Scale} from './view';

const push = (ring: LogRing, n: number) => { for (let i = 0; i < n; ++i) ring.push({text: '', at: 0, rank: ring.end % 3, attempt: 0, flags: 0}); };

test('a filter that goes on with the lines shows what a look at all of them shows', () => {
    const ring = new LogRing(20_000);
    const passes = (seq: number) => ring.rank(seq) === 1;
    const shown = new Shown(ring, passes);
    let seed = 5;
    for (let step = 0; step < 60; ++step) {
        seed = (seed * 1103515245 + 12345) % 2147483648;
        push(ring, seed % 1500);
        shown.update();
        const naive: number[] = [];
        for (let seq = ring.first; seq < ring.end; ++seq) if (passes(seq)) naive.push(seq);
        expect(shown.count).toBe(naive.length);
        expect([shown.seqAt(0), shown.seqAt(naive.length - 1)]).toEqual([naive[0], naive.at(-1)]);
        const some = naive[seed % naive.length]!;
        expect(shown.indexOf(some)).toBe(seed % naive.length);
        expect(shown.indexOf(some + 1)).toBe(seed % naive.length + 1);
    }
});

test('without a filter a place is a number of a line', () => {
    const ring = new LogRing(10_000);
    push(ring, 25_000);
    const shown = new Shown(ring);
    expect(shown.seqAt(5)).toBe(ring.first + 5);
    expect(shown.indexOf(ring.first + 5)).toBe(5);
    expect(shown.indexOf(0)).toBe(0);
    expect(shown.indexOf(ring.end + 9)).toBe(ring.size);
});

test.each([[10, 600], [1000, 600], [1_000_000, 600], [1_000_000, 421]])('rows and positions of %i lines are each other\'s', (count, viewport) => {
    const scale: Scale = {count, rowHeight: 20, viewport};
    const last = Math.max(0, count - viewport / 20);
    expect(rowAt(0, scale)).toBe(0);
    expect(rowAt(listHeight(scale) - viewport, scale)).toBeCloseTo(last, 6);
    for (const row of [0, 1, 7.5, last / 3, last - 1, last]) {
        if (row < 0 || row > last) continue;
        expect(rowAt(scrollFor(row, scale), scale)).toBeCloseTo(row, 4);
    }
    expect(listHeight(scale)).toBeLessThanOrEqual(8_000_000);
    expect(scrollFor(count * 2, scale)).toBeLessThanOrEqual(listHeight(scale) - viewport);
});

test('the first that is not below', () => {
    expect([0, 1, 2, 3, 4, 9].map(v => lowerBound([1, 3, 3, 7], v))).toEqual([0, 0, 1, 1, 3, 4]);
    expect(lowerBound([1, 3], 0, 1)).toBe(1);
});
