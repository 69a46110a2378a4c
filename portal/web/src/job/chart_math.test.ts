// SPDX-License-Identifier: Apache-2.0
import {expect, test} from 'vitest';
import {format, niceMax, pathOf, summary} from './chart_math';
import {podOrder} from './store';
import type {PodRow} from '../api/types';

test('the top of a scale reads well and is not below the values', () => {
    expect([0, 0.3, 1, 7, 12, 99].map(v => niceMax(v, 'cores'))).toEqual([1, 0.5, 1, 10, 20, 100]);
    expect(niceMax(3 * 1024 ** 3, 'bytes')).toBe(5 * 1024 ** 3);
    for (const v of [1, 37, 1023, 1024, 123456, 9e9]) expect(niceMax(v, 'bytes')).toBeGreaterThanOrEqual(v);
});

test('a line has holes where nothing came', () => {
    expect(pathOf([[0, 1], [15, 2], [100, 3]], t => t, v => v, 45)).toBe('M0.0 1.0h0L15.0 2.0M100.0 3.0h0');
});

test('values in words', () => {
    expect([format(61.6, 'percent'), format(1536, 'bytesPerSecond'), format(0.25, 'cores')]).toEqual(['62 %', '1.5 KiB/s', '0.3']);
    const series = (...values: number[]) => ({available: true, metric: 'cpu' as const, unit: 'percent' as const, series: values.map((v, rank) => ({rank, points: [[0, 0], [1, v]]}))});
    expect(summary(series(10, 30))).toBe('2 series; last 20 % on average, 10 % to 30 %');
    expect(summary(series(10))).toBe('last 10 %');
    expect(summary(series())).toBe('no values');
});

test('pods are by rank, the newest attempt first', () => {
    const pod = (rank: number, attempt: number) => ({uid: `${rank}.${attempt}`, rank, attempt}) as PodRow;
    expect([pod(10, 0), pod(2, 0), pod(2, 1), pod(0, 0)].sort(podOrder).map(p => p.uid)).toEqual(['0.0', '2.1', '2.0', '10.0']);
});
