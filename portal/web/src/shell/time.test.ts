// SPDX-License-Identifier: Apache-2.0
import {expect, test} from 'vitest';
import {age, ageInWords, bytes, clock, duration, plural, stamp} from './time';

const s = 1000;
test('durations have two units at most', () => {
    expect([-5, 0, 999, 59 * s, 60 * s, 312 * s, 3600 * s, 7500 * s, 86400 * s, 86400 * 3 * s + 4 * 3600 * s + 305 * s].map(duration))
        .toEqual(['0s', '0s', '0s', '59s', '1m', '5m 12s', '1h', '2h 5m', '1d', '3d 4h']);
});

test('ages have one', () => {
    expect([-1, 0, 119 * s, 120 * s, 7199 * s, 7200 * s, 172799 * s, 172800 * s].map(age)).toEqual(['0s', '0s', '119s', '2m', '119m', '2h', '47h', '2d']);
    expect(ageInWords(s)).toBe('1 second');
    expect(ageInWords(300 * s)).toBe('5 minutes');
});

test('times', () => {
    expect(stamp('2026-01-02T03:04:05Z', true)).toBe('2026-01-02 03:04:05');
    expect(stamp('<b>')).toBe('<b>');
    expect(clock(Date.UTC(2026, 0, 2, 3, 4, 5, 6), true)).toBe('03:04:05.006');
});

test('bytes and numbers of things', () => {
    expect([0, 1023, 1024, 1536, 1099511627776, 150 * 1024].map(bytes)).toEqual(['0 B', '1023 B', '1.0 KiB', '1.5 KiB', '1.0 TiB', '150 KiB']);
    expect([plural(1, 'job'), plural(0, 'job'), plural(1234, 'job'), plural(2, 'entry', 'entries')]).toEqual(['1 job', '0 jobs', '1,234 jobs', '2 entries']);
});
