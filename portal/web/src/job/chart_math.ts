// SPDX-License-Identifier: Apache-2.0
// Numbers of charts. Pure.
import type {JobMetrics} from '../api/types';
import {bytes} from '../shell/time';

type Unit = NonNullable<JobMetrics['unit']>;

export function format(value: number, unit: Unit): string {
    if (unit === 'percent') return `${Math.round(value)} %`;
    if (unit === 'bytes') return bytes(value);
    if (unit === 'bytesPerSecond') return `${bytes(value)}/s`;
    return value >= 10 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1);
}

/** The next number above that reads well: 1, 2 or 5 of its decimal (of bytes: binary) power. */
export function niceMax(value: number, unit: Unit): number {
    if (value <= 0) return 1;
    const base = unit === 'bytes' || unit === 'bytesPerSecond' ? 1024 ** Math.floor(Math.log(value) / Math.log(1024)) : 1;
    const scaled = value / base;
    const power = 10 ** Math.floor(Math.log10(scaled));
    const step = [1, 2, 5, 10].find(s => s * power >= scaled) ?? 10;
    return step * power * base;
}

/** A path with holes where nothing came for more than `gapSeconds`; a point between two holes is a dot. */
export function pathOf(points: readonly (readonly [number, number])[], x: (t: number) => number, y: (v: number) => number, gapSeconds: number): string {
    let path = '';
    let before = -Infinity;
    for (const [t, v] of points) {
        const place = `${x(t).toFixed(1)} ${y(v).toFixed(1)}`;
        path += t - before > gapSeconds ? `M${place}h0` : `L${place}`;
        before = t;
    }
    return path;
}

/** "16 series; last 62 % on average, 11 % to 97 %". */
export function summary(data: JobMetrics): string {
    const last = data.series.map(s => s.points.at(-1)?.[1]).filter(v => v !== undefined);
    if (last.length === 0) return 'no values';
    const unit = data.unit ?? 'cores';
    const mean = last.reduce((a, b) => a + b, 0) / last.length;
    if (last.length === 1) return `last ${format(mean, unit)}`;
    return `${last.length} series; last ${format(mean, unit)} on average, ${format(Math.min(...last), unit)} to ${format(Math.max(...last), unit)}`;
}
