// SPDX-License-Identifier: Apache-2.0
// What each GPU of a node is drawn as. Pure.
import type {Node} from '../api/types';

export type Cell = {kind: 'held'; holder: number} | {kind: 'others' | 'free' | 'off'};

/** A cell for each GPU: those of jobs one may see, those of others, free ones, and those that nobody can have now. */
export function cellsOf(node: Node): Cell[] {
    const cells: Cell[] = [];
    node.holders.forEach((h, holder) => { for (let i = 0; i < h.gpus; ++i) cells.push({kind: 'held', holder}); });
    // What is used by none that is named is others': counts may be of two moments.
    const others = Math.max(0, Math.max(node.used, cells.length) - cells.length);
    for (let i = 0; i < others; ++i) cells.push({kind: 'others'});
    const free = Math.max(0, Math.min(node.allocatable, node.gpus) - cells.length);
    for (let i = 0; i < free; ++i) cells.push({kind: 'free'});
    while (cells.length < node.gpus) cells.push({kind: 'off'});
    return cells;
}

/** "3 of 8 GPUs free; vision/digits has 2, others have 3". For those who hear it, and for the tip. */
export function nodeInWords(node: Node): string {
    const cells = cellsOf(node);
    const count = (kind: Cell['kind']) => cells.filter(c => c.kind === kind).length;
    const parts = [`${count('free')} of ${node.gpus} GPUs free`];
    const held = [...node.holders.map(h => `${h.namespace}/${h.job} has ${h.gpus}`), ...(count('others') > 0 ? [`others have ${count('others')}`] : [])];
    if (held.length > 0) parts.push(held.join(', '));
    if (count('off') > 0) parts.push(`${count('off')} cannot be had now`);
    return parts.join('; ');
}

/** Nodes by type, the types by their name, those without one last. */
export function byType(nodes: readonly Node[]): [string, Node[]][] {
    const groups = new Map<string, Node[]>();
    for (const n of nodes) {
        const type = n.gpuType ?? '';
        const list = groups.get(type);
        if (list === undefined) groups.set(type, [n]); else list.push(n);
    }
    return [...groups].sort(([a], [b]) => (a === '' ? 1 : 0) - (b === '' ? 1 : 0) || (a < b ? -1 : 1));
}
