// SPDX-License-Identifier: Apache-2.0
import {expect, test} from 'vitest';
import {readState, writeState} from '../shell/urlstate';
import {cursorQuery, logFields, longerTail, sourceKey, sourceQuery} from './query';

const read = (query: string) => readState(logFields, new URLSearchParams(query));

test('all that is chosen comes back from the address', () => {
    const query = '?rank=0&rank=3&attempt=previous&tail=all&since=2026-11-29T10%3A00%3A00.000Z&q=a%2B&regex=true&only=true&level=error&times=utc&wrap=true&follow=false&at=2026-11-29T10%3A00%3A01.000Z';
    expect(writeState(logFields, read(query))).toBe(query);
    expect(writeState(logFields, read(''))).toBe('');
});

test('what is no attempt or time is as by default', () => {
    const q = read('attempt=01&since=yesterday&tail=7&rank=10000');
    expect([q.attempt, q.since, q.tail, q.rank]).toEqual(['latest', '', '2000', []]);
});

test('a cursor goes without since and tail', () => {
    const q = read('rank=1&since=2026-11-29T10:00:00Z&attempt=2');
    expect(sourceQuery(q)).toEqual({rank: [1], attempt: '2', since: '2026-11-29T10:00:00.000Z'});
    expect(cursorQuery(q, 'abc')).toEqual({rank: [1], attempt: '2', cursor: 'abc'});
    expect(sourceQuery(read('tail=all'))).toEqual({});
});

test('what is only shown otherwise asks for nothing new', () => {
    expect(sourceKey(read('q=x&wrap=true&follow=false&level=error'))).toBe(sourceKey(read('')));
    expect(sourceKey(read('rank=1'))).not.toBe(sourceKey(read('')));
});

test('there may be earlier lines where the tail is full', () => {
    expect(longerTail(read(''), 1999)).toBe(undefined);
    expect(longerTail(read(''), 2000)).toBe('20000');
    expect(longerTail(read('tail=100000'), 100_000)).toBe('all');
    expect(longerTail(read('tail=all'), 1_000_000)).toBe(undefined);
    expect(longerTail(read('tail=500&since=2026-11-29T10:00:00Z'), 9000)).toBe(undefined);
});
