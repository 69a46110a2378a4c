// SPDX-License-Identifier: Apache-2.0
import {expect, test} from 'vitest';
import {SORTS, type JobRow} from '../api/types';
import {append, compare, place} from './order';

const row = (uid: string, change: Partial<JobRow> = {}): JobRow => ({
    namespace: 'a', name: uid, uid, resourceVersion: '1', phase: 'Queued', why: '', owner: 'x', gpus: 0, ready: '', attempt: 0, createdAt: '2026-01-01T00:00:00Z', ...change});
const uids = (rows: readonly JobRow[]) => rows.map(r => r.uid).join('');

test('versions and GPUs are compared as numbers, equal rows by their uid in both directions', () => {
    expect(compare('gpus', row('a', {gpus: 16}), row('b', {gpus: 8}))).toBeGreaterThan(0);
    expect(compare('-gpus', row('a', {gpus: 16}), row('b', {gpus: 8}))).toBeLessThan(0);
    expect(compare('changed', row('a', {resourceVersion: '99'}), row('b', {resourceVersion: '100'}))).toBeLessThan(0);
    expect(compare('gpus', row('a'), row('b'))).toBeLessThan(0);
    expect(compare('-gpus', row('a'), row('b'))).toBeLessThan(0);
    expect(compare('phase', row('z', {phase: 'Queued'}), row('a', {phase: 'Failed'}))).toBeLessThan(0);
});

test('rows placed one by one are as if sorted, in every order', () => {
    let seed = 3;
    const random = (n: number) => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed % n; };
    for (const sort of SORTS) {
        let list: JobRow[] = [];
        const newest = new Map<string, JobRow>();
        for (let i = 1; i < 300; ++i) {
            const next = row(String.fromCharCode(97 + random(20)), {gpus: random(5), resourceVersion: String(i), createdAt: `2026-01-0${1 + random(3)}T00:00:00Z`, owner: `o${random(3)}`, phase: random(2) ? 'Running' : 'Queued'});
            newest.set(next.uid, next);
            list = place(list, next, sort, false);
            expect(uids(list)).toBe(uids([...newest.values()].sort((a, b) => compare(sort, a, b))));
        }
    }
});

test('what is older than what is shown says nothing', () => {
    const shown = [row('a', {resourceVersion: '10', why: 'new'})];
    expect(place(shown, row('a', {resourceVersion: '9', why: 'old'}), 'name', false)[0]?.why).toBe('new');
    expect(place(shown, row('a', {resourceVersion: '10', why: 'same'}), 'name', false)[0]?.why).toBe('same');
});

test('a row that belongs to a page behind is not shown', () => {
    const shown = [row('b'), row('d')];
    expect(uids(place(shown, row('c'), 'name', true))).toBe('bcd');
    expect(uids(place(shown, row('e'), 'name', true))).toBe('bd');
    expect(uids(place(shown, row('e'), 'name', false))).toBe('bde');
    expect(uids(place(shown, row('b', {name: 'x', resourceVersion: '2'}), 'name', true))).toBe('d');
    expect(uids(place(shown, row('d', {why: 'changed', resourceVersion: '2'}), 'name', true))).toBe('bd');
});

test('a page is appended without what is there', () => {
    expect(uids(append([row('a'), row('b')], [row('b'), row('c')]))).toBe('abc');
});
