// SPDX-License-Identifier: Apache-2.0
// Would a job find its GPUs now? A guess for people: the scheduler decides. Pure.
import type {ClusterStatus} from '../api/types';
import {plural} from '../shell/time';
import type {gpusOf} from './form';

/** Undefined where nothing can be said. */
export function fitOf(wanted: ReturnType<typeof gpusOf>, gpus: ClusterStatus['gpus']): {good: boolean; text: string} | undefined {
    if (gpus.length === 0) return undefined;
    if (wanted.total === 0) return {good: true, text: 'The job asks for no GPU.'};
    for (const [type, {total, most}] of wanted.byType) {
        const of = type === '' ? gpus : gpus.filter(g => g.type === type);
        const name = type === '' ? 'GPUs' : `GPUs of type ${type}`;
        if (of.length === 0) return {good: false, text: `The cluster has no ${name}; it has ${gpus.map(g => g.type).filter(Boolean).join(', ')}.`};
        const all = of.reduce((n, g) => n + g.total, 0);
        if (total > all) return {good: false, text: `The job asks for ${total} ${name}, and the cluster has ${all}.`};
        const free = of.reduce((n, g) => n + g.free, 0);
        if (total > free) return {good: false, text: `The job asks for ${total} ${name}, and ${free} are free: it will wait.`};
        const largest = Math.max(...of.map(g => g.largestFree ?? g.free));
        if (most > largest) return {good: false, text: `A pod asks for ${most} ${name}, and no node has more than ${largest} free: it will wait.`};
    }
    return {good: true, text: `The job asks for ${plural(wanted.total, 'GPU')}, which are free now.`};
}
