// SPDX-License-Identifier: Apache-2.0
import {expect, test} from 'vitest';
import type {Node} from '../api/types';
import {byType, cellsOf, nodeInWords} from './heat';

const node = (change: Partial<Node>): Node => ({name: 'n', state: 'Ready', gpus: 8, allocatable: 8, used: 0, holders: [], ...change});
const drawn = (n: Node) => cellsOf(n).map(c => c.kind === 'held' ? c.holder : c.kind[0]).join('');
const job = (name: string, gpus: number) => ({namespace: 'a', job: name, gpus});

test('each GPU is one cell', () => {
    expect(drawn(node({used: 5, holders: [job('x', 2), job('y', 1)]}))).toBe('001oofff');
    expect(drawn(node({}))).toBe('ffffffff');
    expect(cellsOf(node({allocatable: 0, used: 2})).map(c => c.kind)).toEqual(['others', 'others', ...Array(6).fill('off')]);
});

test('used and held of two moments still fit', () => {
    expect(drawn(node({gpus: 4, allocatable: 4, used: 1, holders: [job('x', 3)]}))).toBe('000f');
});

test('in words', () => {
    expect(nodeInWords(node({used: 5, holders: [job('x', 2), job('y', 1)]}))).toBe('3 of 8 GPUs free; a/x has 2, a/y has 1, others have 2');
    expect(nodeInWords(node({allocatable: 0}))).toBe('0 of 8 GPUs free; 8 cannot be had now');
});

test('types by name, those without one last', () => {
    expect(byType([node({name: '1'}), node({name: '2', gpuType: 'V'}), node({name: '3', gpuType: 'A'}), node({name: '4', gpuType: 'V'})]).map(([t, l]) => `${t}:${l.map(n => n.name).join('')}`))
        .toEqual(['A:3', 'V:24', ':1']);
});
