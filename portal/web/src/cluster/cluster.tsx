// SPDX-License-Identifier: Apache-2.0
// The cluster: GPUs by type, nodes, who holds what, problems.
import {signal} from '@preact/signals';
import {useEffect, useMemo, useState} from 'preact/hooks';
import {call} from '../api/client';
import {asApiError, isAbort, type ApiError} from '../api/problem';
import {subscribe} from '../api/updates';
import type {ClusterStatus, Node, NodeState} from '../api/types';
import {SearchField} from '../jobs/filter_bar';
import {Icon} from '../shell/icons';
import {Age} from '../shell/now';
import {Badge, Empty, ErrorBox, Loading, Meter} from '../shell/parts';
import {urlState} from '../shell/router';
import {plural} from '../shell/time';
import {text, word, words, type Fields} from '../shell/urlstate';
import '../style/cluster.css';
import {Heat} from './heat_map';

const STATES: readonly NodeState[] = ['Ready', 'NotReady', 'Cordoned', 'Unhealthy'];
const SORTS = ['name', '-name', 'free', '-free', 'problems'] as const;
const sortWords: Record<typeof SORTS[number], string> = {name: 'By name', '-name': 'By name, Z first', free: 'Least free first', '-free': 'Most free first', problems: 'Problems first'};
interface State { q: string; gpuType: string; state: NodeState[]; sort: typeof SORTS[number] }
const fields: Fields<State> = {q: text('', 253), gpuType: text('', 63), state: words(STATES), sort: word(SORTS, 'name')};
const status = signal<ClusterStatus | undefined>(undefined);
const refreshMs = 5000;

export function Cluster(_: {rest: string[]}) {
    const [problem, setProblem] = useState<ApiError>();
    const load = (signal?: AbortSignal) => call('get', '/api/v1/cluster', {signal}).then(c => { status.value = c; setProblem(undefined); }, thrown => { if (!isAbort(thrown)) setProblem(asApiError(thrown)); });
    useEffect(() => {
        const abort = new AbortController();
        void load(abort.signal);
        const unsubscribe = subscribe('cluster', {cluster: data => { status.value = data.cluster; }, reset: () => void load(abort.signal)});
        return () => { abort.abort(); unsubscribe(); };
    }, []);
    const c = status.value;
    if (c === undefined) return problem ? <ErrorBox problem={problem} retry={() => void load()} /> : <Loading what="cluster" />;
    return <>
        <div class="page-head"><h1>Cluster</h1><span class="muted">{plural(c.nodes.total, 'node')}, {c.nodes.ready} ready
            {c.nodes.notReady ? `, ${c.nodes.notReady} not ready` : ''}{c.nodes.cordoned ? `, ${c.nodes.cordoned} cordoned` : ''}{c.nodes.unhealthy ? `, ${c.nodes.unhealthy} unhealthy` : ''}</span></div>
        {problem && <ErrorBox problem={problem} />}
        <ul class="types">{c.gpus.map(g => (
            <li class="panel" key={g.type}>
                <h2>{g.type || 'Not named'}</h2>
                <p class="big-number"><strong>{g.free}</strong> <span class="muted">of {g.allocatable} free</span></p>
                <Meter value={g.used} max={g.total} label={`${g.used} of ${g.total} GPUs of type ${g.type || 'not named'} are held`} />
                <p class="muted small">{g.used} held{g.total > g.allocatable ? `, ${g.total - g.allocatable} on nodes that take none` : ''}{g.largestFree !== undefined && `; ${g.largestFree} free on one node`}</p>
            </li>
        ))}</ul>
        <Problems cluster={c} />
        <Nodes version={c} />
        <div class="two"><Holders title="By user" list={c.users} href={name => `/jobs?mine=false&owner=${encodeURIComponent(name)}`} />
            <Holders title="By namespace" list={c.namespaces} href={name => `/jobs?mine=false&namespace=${encodeURIComponent(name)}`} /></div>
    </>;
}

function Problems({cluster: c}: {cluster: ClusterStatus}) {
    if (c.problems.length === 0) return <p class="box good"><Icon name="check" />No problems are known.</p>;
    return (
        <section class="panel" aria-labelledby="h-problems">
            <h2 id="h-problems">Problems{(c.problemsTotal ?? 0) > c.problems.length && <span class="muted"> (the worst {c.problems.length} of {c.problemsTotal})</span>}</h2>
            <ul class="problems">{c.problems.map((p, i) => (
                <li key={i}><Badge tone={p.severity === 'Critical' ? 'bad' : 'ask'} icon={p.severity === 'Critical' ? 'cross' : 'hand'}>{p.severity}</Badge>
                    <span>{p.node && <a href={`/cluster?q=${encodeURIComponent(p.node)}`}>{p.node}</a>} <bdi>{p.message}</bdi></span>{p.since && <span class="muted small">for <Age at={p.since} /></span>}</li>
            ))}</ul>
        </section>
    );
}

function Nodes({version}: {version: unknown}) {
    const url = useMemo(() => urlState<State>(fields), []);
    const q = url.get();
    const [nodes, setNodes] = useState<Node[]>();
    const [total, setTotal] = useState(0);
    const [problem, setProblem] = useState<ApiError>();
    const key = JSON.stringify(q);
    // All pages of the filter, one after another: a heat map with holes says nothing. Asked again when the cluster changed, but not each time.
    const [due, setDue] = useState(0);
    useEffect(() => {
        const timer = setTimeout(() => setDue(n => n + 1), refreshMs * (0.7 + Math.random() * 0.6));
        return () => clearTimeout(timer);
    }, [version]);
    useEffect(() => {
        const abort = new AbortController();
        const load = async () => {
            const all: Node[] = [];
            let cursor: string | undefined;
            try {
                do {
                    const page = await call('get', '/api/v1/cluster/nodes', {signal: abort.signal, query: {limit: 500, sort: q.sort, ...(q.q === '' ? {} : {q: q.q}),
                        ...(q.gpuType === '' ? {} : {gpuType: q.gpuType}), ...(q.state.length === 0 ? {} : {state: q.state}), ...(cursor === undefined ? {} : {cursor})}});
                    all.push(...page.items);
                    cursor = page.nextCursor;
                    setTotal(page.total);
                } while (cursor !== undefined);
                setNodes(all);
                setProblem(undefined);
            } catch (thrown) {
                if (!isAbort(thrown)) setProblem(asApiError(thrown));
            }
        };
        void load();
        return () => abort.abort();
    }, [key, due]);
    const types = status.value?.gpus.map(g => g.type).filter(Boolean) ?? [];
    const toggle = (s: NodeState) => url.set({state: q.state.includes(s) ? q.state.filter(x => x !== s) : [...q.state, s]});
    return (
        <section aria-labelledby="h-nodes">
            <h2 id="h-nodes" class="gap">Nodes {nodes && <span class="muted">{total.toLocaleString('en')}</span>}</h2>
            <div class="filters" role="search" aria-label="Filter nodes">
                <SearchField value={q.q} label="Search nodes" placeholder="Part of a node's name" onChange={next => url.set({q: next})} />
                <select aria-label="GPU type" value={q.gpuType} onChange={e => url.set({gpuType: e.currentTarget.value})}><option value="">All types</option>{types.map(t => <option key={t} value={t}>{t}</option>)}</select>
                <select aria-label="Order" value={q.sort} onChange={e => url.set({sort: e.currentTarget.value as typeof SORTS[number]})}>{SORTS.map(s => <option key={s} value={s}>{sortWords[s]}</option>)}</select>
                <div class="chips">{STATES.map(s => <button type="button" key={s} class="chip" aria-pressed={q.state.includes(s)} onClick={() => toggle(s)}>{s === 'NotReady' ? 'Not ready' : s}</button>)}</div>
            </div>
            {problem && <ErrorBox problem={problem} />}
            {nodes === undefined && !problem && <Loading what="nodes" />}
            {nodes?.length === 0 && <Empty title="No node fits" />}
            {nodes && nodes.length > 0 && <Heat nodes={nodes} />}
        </section>
    );
}

function Holders({title, list, href}: {title: string; list: ClusterStatus['users']; href: (name: string) => string}) {
    const all = list.reduce((n, h) => n + h.gpus, 0);
    return (
        <section class="panel"><h2>{title}</h2>
            {list.length === 0 ? <p class="muted">Nobody holds a GPU.</p> : (
                <table><thead><tr><th>Name</th><th class="number">Jobs</th><th class="number">GPUs</th><th><span class="unseen">Share</span></th></tr></thead>
                    <tbody>{list.map(h => <tr key={h.name}><td class="wrap-any">{h.name === 'others' ? <span class="muted">others</span> : <a href={href(h.name)}>{h.name}</a>}</td><td class="number">{h.jobs ?? ''}</td><td class="number">{h.gpus}</td>
                        <td class="share"><Meter value={h.gpus} max={all} label={`${Math.round(h.gpus / Math.max(1, all) * 100)} % of the GPUs that are held`} /></td></tr>)}</tbody></table>
            )}
        </section>
    );
}
