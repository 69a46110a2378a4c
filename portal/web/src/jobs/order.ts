// SPDX-License-Identifier: Apache-2.0
// The order of the jobs list, as ListJobs has it, so that live rows find their place among those of a page. Pure.
import type {JobRow, JobSort, Phase} from '../api/types';
import {PHASES} from '../api/types';

const rank = (phase: Phase): number => PHASES.indexOf(phase);

// The contract says how names of orders read; times compare as text, being RFC 3339 in UTC of one precision.
const keys: Record<string, (row: JobRow) => string | number> = {
    created: row => row.createdAt,
    changed: row => Number(row.resourceVersion),
    name: row => row.name,
    owner: row => row.owner,
    phase: row => rank(row.phase),
    gpus: row => row.gpus,
};

/** Below 0: `a` comes first. Equal ones are in the order of their uid, in either direction. */
export function compare(sort: JobSort, a: JobRow, b: JobRow): number {
    const down = sort.startsWith('-');
    const key = keys[down ? sort.slice(1) : sort] ?? keys.created!;
    const [x, y] = [key(a), key(b)];
    if (x !== y) return (x < y ? -1 : 1) * (down ? -1 : 1);
    return a.uid < b.uid ? -1 : a.uid > b.uid ? 1 : 0;
}

/**
 * `rows` (in order) with `row` new or replaced, in its place. Where more pages follow, a row that belongs behind the last
 * one shown is not shown: its page has it.
 */
export function place(rows: readonly JobRow[], row: JobRow, sort: JobSort, more: boolean): JobRow[] {
    const at = rows.findIndex(r => r.uid === row.uid);
    const before = at >= 0 ? rows[at] : undefined;
    // Two streams may meet at a change of pages; what is older than what we have says nothing.
    if (before !== undefined && Number(before.resourceVersion) > Number(row.resourceVersion)) return rows as JobRow[];
    if (before !== undefined && compare(sort, before, row) === 0) return rows.with(at, row);
    const rest = before === undefined ? [...rows] : rows.toSpliced(at, 1);
    let low = 0;
    let high = rest.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (compare(sort, rest[middle]!, row) <= 0) low = middle + 1; else high = middle;
    }
    if (low === rest.length && more) return rest;
    rest.splice(low, 0, row);
    return rest;
}

/** The page behind, without what the stream has brought meanwhile. */
export function append(rows: readonly JobRow[], page: readonly JobRow[]): JobRow[] {
    const known = new Set(rows.map(r => r.uid));
    return [...rows, ...page.filter(r => !known.has(r.uid))];
}

export const finished = (phase: Phase): boolean => phase === 'Succeeded' || phase === 'Failed' || phase === 'Stopped';
