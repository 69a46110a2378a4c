// SPDX-License-Identifier: Apache-2.0
// A line for each rank, drawn as SVG. Which rank is which is told by pointing at it, in words.
import {useMemo, useState} from 'preact/hooks';
import type {JobMetrics} from '../api/types';
import {clock} from '../shell/time';
import {format, niceMax, pathOf, summary} from './chart_math';

const width = 520;
const height = 150;
const left = 58;
const bottom = 20;
const top = 10;   // half of a label

export function Chart({title, data}: {title: string; data: JobMetrics}) {
    const [at, setAt] = useState<{x: number; y: number}>();
    const unit = data.unit ?? 'cores';
    const frame = useMemo(() => {
        const points = data.series.flatMap(s => s.points);
        const times = points.map(p => p[0]!);
        const from = times.reduce((a, b) => Math.min(a, b), Infinity);
        const to = times.reduce((a, b) => Math.max(a, b), -Infinity);
        const max = unit === 'percent' ? 100 : niceMax(points.reduce((m, p) => Math.max(m, p[1]!), 0), unit);
        const x = (t: number) => left + (to > from ? (t - from) / (to - from) : 0) * (width - left - 4);
        const y = (v: number) => top + (1 - Math.min(1, v / max)) * (height - bottom - top);
        return {from, to, max, x, y, paths: data.series.map(s => pathOf(s.points as [number, number][], x, y, (data.stepSeconds ?? 15) * 3))};
    }, [data]);
    const near = at === undefined ? undefined : nearest(data, frame, at);
    return (
        <figure class="chart">
            <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`${title}: ${summary(data)}`}
                onPointerMove={event => {
                    const box = event.currentTarget.getBoundingClientRect();
                    setAt({x: (event.clientX - box.left) / box.width * width, y: (event.clientY - box.top) / box.height * height});
                }} onPointerLeave={() => setAt(undefined)}>
                {[0, 0.5, 1].map(f => <g key={f}><line x1={left} x2={width - 4} y1={frame.y(frame.max * f)} y2={frame.y(frame.max * f)} class="grid" /><text x={left - 6} y={frame.y(frame.max * f) + 4} class="tick-label" text-anchor="end">{format(frame.max * f, unit)}</text></g>)}
                <text x={left} y={height - 4} class="tick-label">{clock(frame.from * 1000, false).slice(0, 5)}</text>
                <text x={width - 4} y={height - 4} class="tick-label" text-anchor="end">{clock(frame.to * 1000, false).slice(0, 5)}</text>
                {frame.paths.map((d, i) => <path key={i} d={d} class={`line r${data.series[i]!.rank % 8} ${near?.index === i ? 'near' : near ? 'far' : ''}`} />)}
                {near && <circle cx={near.x} cy={near.y} r="3" class="point" />}
            </svg>
            <figcaption class="small muted">{near ? near.text : summary(data)}</figcaption>
        </figure>
    );
}

function nearest(data: JobMetrics, frame: {x: (t: number) => number; y: (v: number) => number}, at: {x: number; y: number}) {
    let best: {index: number; x: number; y: number; distance: number; text: string} | undefined;
    data.series.forEach((s, index) => {
        for (const [t, v] of s.points as [number, number][]) {
            const [x, y] = [frame.x(t), frame.y(v)];
            const distance = Math.abs(x - at.x) * 3 + Math.abs(y - at.y);
            if (best === undefined || distance < best.distance) {
                best = {index, x, y, distance, text: `Rank ${s.rank}${s.device !== undefined ? `, GPU ${s.device}` : ''}: ${format(v, data.unit ?? 'cores')} at ${clock(t * 1000, false).slice(0, 8)}`};
            }
        }
    });
    return best;
}
