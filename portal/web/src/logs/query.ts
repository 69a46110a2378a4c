// SPDX-License-Identifier: Apache-2.0
// Which logs, and how they are shown: all of it in the address. Pure.
import {flag, numbers, text, word, type Fields} from '../shell/urlstate';

export const TAILS = ['500', '2000', '20000', '100000', 'all'] as const;
export const LEVELS = ['all', 'info', 'warning', 'error'] as const;
export const TIMES = ['off', 'local', 'utc'] as const;

export interface LogQuery {
    rank: number[];
    attempt: string;
    tail: typeof TAILS[number];
    /** RFC 3339, or empty. */
    since: string;
    q: string;
    regex: boolean;
    only: boolean;
    level: typeof LEVELS[number];
    times: typeof TIMES[number];
    wrap: boolean;
    follow: boolean;
    /** The time of a line that is pointed at. */
    at: string;
}

export const attemptPattern = /^(latest|previous|all|0|[1-9][0-9]{0,8})$/;
const time = {
    read: (values: string[]) => values[0] !== undefined && values[0].length <= 35 && Number.isFinite(Date.parse(values[0])) ? values[0] : '',
    write: (value: string) => value === '' ? [] : [value],
};

export const logFields: Fields<LogQuery> = {
    rank: numbers(9999, 64),
    attempt: {read: values => attemptPattern.test(values[0] ?? '') ? values[0]! : 'latest', write: value => value === 'latest' ? [] : [value]},
    tail: word(TAILS, '2000'),
    since: time,
    q: text('', 512),
    regex: flag(false),
    only: flag(false),
    level: word(LEVELS, 'all'),
    times: word(TIMES, 'local'),
    wrap: flag(false),
    follow: flag(true),
    at: time,
};

/** Parameters that choose lines, without cursor and page. */
export function sourceQuery(q: LogQuery): {rank?: number[]; attempt?: string; since?: string; tail?: number} {
    return {
        ...(q.rank.length > 0 ? {rank: q.rank} : {}),
        ...(q.attempt === 'latest' ? {} : {attempt: q.attempt}),
        ...(q.since === '' ? {} : {since: new Date(q.since).toISOString()}),
        // From a time on, there is no tail.
        ...(q.tail === 'all' || q.since !== '' ? {} : {tail: Number(q.tail)}),
    };
}

/** The next longer tail, where there may be lines before the first that is shown. */
export function longerTail(q: LogQuery, lines: number): LogQuery['tail'] | undefined {
    return q.since !== '' || q.tail === 'all' || lines < Number(q.tail) ? undefined : TAILS[TAILS.indexOf(q.tail) + 1];
}

/** What goes with a cursor: rank and attempt as they were, no since or tail. */
export function cursorQuery(q: LogQuery, cursor: string): {rank?: number[]; attempt?: string; cursor: string} {
    return {...(q.rank.length > 0 ? {rank: q.rank} : {}), ...(q.attempt === 'latest' ? {} : {attempt: q.attempt}), cursor};
}

/** Changes when other lines are asked for. */
export const sourceKey = (q: LogQuery): string => JSON.stringify(sourceQuery(q));
export const minSeverity = (level: LogQuery['level']): number => ({all: 0, info: 2, warning: 3, error: 4})[level];
