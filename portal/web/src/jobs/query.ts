// SPDX-License-Identifier: Apache-2.0
// The filter of the jobs list: its address, the question to ListJobs, and the stream's topic. Pure.
import {queryOf} from '../api/client';
import type {JobSort, ListJobsQuery, PendingClass, Phase} from '../api/types';
import {PENDING, PHASES, SORTS} from '../api/types';
import {flag, text, texts, word, words, type Fields} from '../shell/urlstate';

export interface Filter {
    mine: boolean;
    q: string;
    phase: Phase[];
    pending: PendingClass[];
    namespace: string[];
    owner: string[];
    gpuType: string;
    sort: JobSort;
}

export const filterFields: Fields<Filter> = {
    mine: flag(true),
    q: text(),
    phase: words(PHASES),
    pending: words(PENDING),
    namespace: texts(16, 63),
    owner: texts(),
    gpuType: text('', 63),
    sort: word(SORTS, '-created'),
};

export function listQuery(filter: Filter): ListJobsQuery {
    return {
        ...topicQuery(filter),
        ...(filter.sort === '-created' ? {} : {sort: filter.sort}),
    };
}

function topicQuery(filter: Filter): ListJobsQuery {
    return {
        ...(filter.mine && filter.owner.length === 0 ? {mine: true} : {}),
        ...(filter.q.trim() === '' ? {} : {q: filter.q.trim()}),
        ...(filter.phase.length > 0 ? {phase: filter.phase} : {}),
        ...(filter.pending.length > 0 ? {pending: filter.pending} : {}),
        ...(filter.namespace.length > 0 ? {namespace: filter.namespace} : {}),
        ...(filter.owner.length > 0 ? {owner: filter.owner} : {}),
        ...(filter.gpuType === '' ? {} : {gpuType: filter.gpuType}),
    };
}

/** `jobs?mine=true`; order and page have no effect on a stream. Undefined: too long for a topic, the list is asked again instead. */
export function topicOf(filter: Filter): string | undefined {
    const topic = `jobs${queryOf(topicQuery(filter))}`;
    return topic.length <= 512 ? topic : undefined;
}

export const isFiltered = (f: Filter): boolean =>
    f.q.trim() !== '' || f.phase.length > 0 || f.pending.length > 0 || f.namespace.length > 0 || f.owner.length > 0 || f.gpuType !== '';
