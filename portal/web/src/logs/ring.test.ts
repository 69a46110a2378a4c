// SPDX-License-Identifier: Apache-2.0
import {expect, test} from 'vitest';
import {GAP, LogRing, type Entry} from './ring';

const entry = (n: number): Entry => ({text: `line ${n}`, at: n + 0.5, rank: n & 0xffff, attempt: n % 3, flags: GAP | 3});
const all = (ring: LogRing) => ring.texts(ring.first, ring.end);

test('lines keep their numbers and all they have', () => {
    const ring = new LogRing(100_000);
    for (let n = 0; n < 5000; ++n) ring.push(entry(n));
    expect([ring.first, ring.end, ring.size]).toEqual([0, 5000, 5000]);
    expect(ring.texts(4095, 4098)).toEqual(['line 4095', 'line 4096', 'line 4097']);
    expect([ring.at(4999), ring.rank(4999), ring.attempt(4999), ring.flags(4999), ring.severity(4999)]).toEqual([4999.5, 4999, 1, GAP | 3, 3]);
});

test('of too many the oldest go, and what is left is the newest in order', () => {
    const ring = new LogRing(10_000);
    for (let n = 0; n < 50_000; ++n) {
        ring.push(entry(n));
        expect(ring.size).toBeLessThanOrEqual(10_000);
    }
    expect(ring.size).toBeGreaterThan(10_000 - 4096);
    expect(ring.first).toBe(ring.dropped);
    expect(ring.end).toBe(50_000);
    expect(all(ring)).toEqual(Array.from({length: ring.size}, (_, i) => `line ${ring.first + i}`));
    expect(ring.text(ring.first - 1)).toBe('');
    expect(ring.text(ring.end)).toBe('');
});

test('a million lines', () => {
    const ring = new LogRing();
    for (let n = 0; n < 1_200_000; ++n) ring.push({text: 'x', at: n, rank: 0, attempt: 0, flags: 0});
    expect(ring.size).toBeLessThanOrEqual(1_000_000);
    expect(ring.size).toBeGreaterThan(995_000);
    expect(ring.at(1_199_999)).toBe(1_199_999);
});
