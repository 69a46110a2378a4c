// SPDX-License-Identifier: Apache-2.0
// What the job uses, from Prometheus.
import {useEffect, useMemo, useState} from 'preact/hooks';
import {call} from '../api/client';
import {asApiError, isAbort, type ApiError} from '../api/problem';
import type {JobDetail, JobMetrics, MetricName} from '../api/types';
import {finished} from '../jobs/order';
import {session} from '../session/session';
import {Empty, ErrorBox, Loading} from '../shell/parts';
import {urlState} from '../shell/router';
import {numbers, word, type Fields} from '../shell/urlstate';
import {Chart} from './chart';

const METRICS: {name: MetricName; title: string}[] = [
    {name: 'gpuUtilization', title: 'GPU utilisation'}, {name: 'gpuMemory', title: 'GPU memory'}, {name: 'cpu', title: 'CPU'}, {name: 'memory', title: 'Memory'},
    {name: 'networkReceive', title: 'Network, received'}, {name: 'networkTransmit', title: 'Network, sent'}];
const RANGES = ['1h', '6h', '24h', 'all'] as const;
const hours: Record<typeof RANGES[number], number> = {'1h': 1, '6h': 6, '24h': 24, all: 0};
interface State { range: typeof RANGES[number]; rank: number[] }
const fields: Fields<State> = {range: word(RANGES, '1h'), rank: numbers(9999, 64)};
const refreshMs = 30_000;

export function Metrics({detail}: {detail: JobDetail}) {
    const url = useMemo(() => urlState<State>(fields), []);
    const q = url.get();
    const [typed, setTyped] = useState(q.rank.join(' '));
    if (session.value?.features?.includes('metrics') === false) {
        return <Empty title="No metrics are set up"><p class="muted">An administrator can give the portal a Prometheus (portal.prometheus in the chart's values).</p></Empty>;
    }
    return <>
        <div class="filters">
            <div class="segmented" role="group" aria-label="Time range">{RANGES.map(r => <button type="button" key={r} aria-pressed={q.range === r} onClick={() => url.set({range: r})}>{r === 'all' ? 'Whole job' : `Last ${r}`}</button>)}</div>
            <label class="inline">Ranks <input value={typed} placeholder="the first 16" onInput={e => setTyped(e.currentTarget.value)}
                onChange={e => url.set({rank: e.currentTarget.value.split(/[\s,]+/).filter(w => /^\d{1,4}$/.test(w)).map(Number)})} /></label>
        </div>
        <div class="charts">{METRICS.map(m => <Metric key={m.name} {...m} detail={detail} state={q} />)}</div>
    </>;
}

function Metric({name, title, detail: {row}, state}: {name: MetricName; title: string; detail: JobDetail; state: State}) {
    const [data, setData] = useState<JobMetrics>();
    const [problem, setProblem] = useState<ApiError>();
    const ended = finished(row.phase);
    useEffect(() => {
        const abort = new AbortController();
        const load = async () => {
            const to = ended && row.finishedAt !== undefined ? Date.parse(row.finishedAt) : Date.now();
            const from = state.range === 'all' ? Date.parse(row.startedAt ?? row.createdAt) : Math.max(to - hours[state.range] * 3_600_000, Date.parse(row.createdAt));
            try {
                setData(await call('get', '/api/v1/namespaces/{namespace}/jobs/{job}/metrics', {path: {namespace: row.namespace, job: row.name}, signal: abort.signal,
                    query: {metric: name, from: new Date(from).toISOString(), to: new Date(to).toISOString(), ...(state.rank.length > 0 ? {rank: state.rank} : {})}}));
                setProblem(undefined);
            } catch (thrown) {
                if (!isAbort(thrown)) setProblem(asApiError(thrown));
            }
        };
        void load();
        const timer = ended ? undefined : setInterval(() => { if (document.visibilityState === 'visible') void load(); }, refreshMs);
        return () => { clearInterval(timer); abort.abort(); };
    }, [row.namespace, row.name, row.attempt, ended, name, state.range, state.rank.join()]);
    return (
        <section class="panel" aria-label={title}>
            <h2>{title}</h2>
            {problem && <ErrorBox problem={problem} />}
            {!data && !problem && <Loading what={title} />}
            {data && !data.available && <p class="muted">{data.why ?? 'Not available.'}</p>}
            {data?.available && data.series.every(s => s.points.length === 0) && <p class="muted">No values in this time.</p>}
            {data?.available && data.series.some(s => s.points.length > 0) && <Chart title={title} data={data} />}
        </section>
    );
}
