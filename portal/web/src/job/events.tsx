// SPDX-License-Identifier: Apache-2.0
// Events of the job, its pods and its volumes, the newest first.
import {useEffect, useMemo, useState} from 'preact/hooks';
import {call} from '../api/client';
import {asApiError, isAbort, type ApiError} from '../api/problem';
import type {JobDetail, JobEvent} from '../api/types';
import {Age} from '../shell/now';
import {Badge, Empty, ErrorBox, Loading} from '../shell/parts';
import {urlState} from '../shell/router';
import {word, type Fields} from '../shell/urlstate';

interface State { type: 'all' | 'Normal' | 'Warning' }
const fields: Fields<State> = {type: word(['all', 'Normal', 'Warning'], 'all')};
const refreshMs = 15_000;

export function Events({detail: {row}}: {detail: JobDetail}) {
    const url = useMemo(() => urlState<State>(fields), []);
    const {type} = url.get();
    const [events, setEvents] = useState<JobEvent[]>();
    const [complete, setComplete] = useState(true);
    const [cursor, setCursor] = useState<string>();
    const [problem, setProblem] = useState<ApiError>();
    const load = async (from: string | undefined, signal?: AbortSignal) => {
        try {
            const page = await call('get', '/api/v1/namespaces/{namespace}/jobs/{job}/events', {
                path: {namespace: row.namespace, job: row.name}, query: {limit: 100, ...(type === 'all' ? {} : {type}), ...(from === undefined ? {} : {cursor: from})}, signal});
            setEvents(before => from === undefined ? page.items : [...before ?? [], ...page.items]);
            setComplete(page.complete);
            setCursor(page.nextCursor);
            setProblem(undefined);
        } catch (thrown) {
            if (!isAbort(thrown)) setProblem(asApiError(thrown));
        }
    };
    // They are read from the API server, not streamed: asked for again now and then, and at each change of the job; further pages stay as they were asked for.
    const [paged, setPaged] = useState(false);
    useEffect(() => {
        const abort = new AbortController();
        setPaged(false);
        void load(undefined, abort.signal);
        return () => abort.abort();
    }, [type, row.uid]);
    useEffect(() => {
        if (paged) return;
        const abort = new AbortController();
        const soon = setTimeout(() => void load(undefined, abort.signal), 1500);
        const timer = setInterval(() => { if (document.visibilityState === 'visible') void load(undefined, abort.signal); }, refreshMs);
        return () => { clearTimeout(soon); clearInterval(timer); abort.abort(); };
    }, [type, row.uid, row.resourceVersion, paged]);
    return <>
        <div class="filters"><div class="segmented" role="group" aria-label="Which events">
            {(['all', 'Warning', 'Normal'] as const).map(t => <button type="button" key={t} aria-pressed={type === t} onClick={() => url.set({type: t})}>{t === 'all' ? 'All' : t === 'Warning' ? 'Warnings' : 'Normal'}</button>)}
        </div></div>
        {problem && <ErrorBox problem={problem} retry={() => void load(undefined)} />}
        {!complete && <div class="box warn">The namespace has very many events; only its last 5,000 were looked at.</div>}
        {events === undefined && !problem && <Loading what="events" />}
        {events?.length === 0 && <Empty title={type === 'all' ? 'There are no events' : 'There are none of these'}><p class="muted">Kubernetes keeps events for about an hour.</p></Empty>}
        {events && events.length > 0 && (
            <div class="table-wrap" tabIndex={0} role="region" aria-label="Events"><table class="events">
                <thead><tr><th>Type</th><th class="number">Last</th><th class="number">Times</th><th>Object</th><th>Reason</th><th>Message</th></tr></thead>
                <tbody>{events.map((e, i) => (
                    <tr key={`${e.at} ${e.kind} ${e.name} ${e.reason} ${i}`}>
                        <td>{e.type === 'Warning' ? <Badge tone="ask" icon="hand">Warning</Badge> : <Badge tone="idle" icon="info">{e.type}</Badge>}</td>
                        <td class="number"><Age at={e.at} /></td>
                        <td class="number">{e.count}</td>
                        <td class="wrap-any"><span class="muted">{e.kind}</span> {e.name}</td>
                        <td>{e.reason}</td>
                        <td class="wrap-any"><bdi>{e.message}</bdi>{e.reporter && <span class="muted small"> ({e.reporter})</span>}</td>
                    </tr>
                ))}</tbody>
            </table></div>
        )}
        {cursor && <p class="more"><button type="button" onClick={() => { setPaged(true); void load(cursor); }}>Show older</button></p>}
    </>;
}
