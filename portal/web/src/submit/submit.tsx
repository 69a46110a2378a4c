// SPDX-License-Identifier: Apache-2.0
// Submit: choose what to begin with, then form and YAML, two views of one thing.
import {useEffect, useMemo, useState} from 'preact/hooks';
import {asApiError, isAbort, type ApiError} from '../api/problem';
import {call} from '../api/client';
import type {TemplateRow} from '../api/types';
import {ErrorBox, Loading} from '../shell/parts';
import {query, urlState} from '../shell/router';
import {text, type Fields} from '../shell/urlstate';
import '../style/submit.css';
import {keptDraft, type Begun} from './draft';
import {begin, type Source} from './source';
import {STARTERS} from './starters';
import {Workspace} from './workspace';

const fields: Fields<Source> = {starter: text('', 32), template: text('', 320), clone: text('', 320)};

export function Submit(_: {rest: string[]}) {
    const url = useMemo(() => urlState<Source>(fields), []);
    const source = url.get();
    const from = source.clone || source.template || source.starter;
    const [begun, setBegun] = useState<Begun & {from: string}>();
    const [problem, setProblem] = useState<ApiError>();
    useEffect(() => {
        setProblem(undefined);
        if (from === '') { setBegun(undefined); return; }
        const kept = keptDraft(query.value.toString());
        if (kept !== undefined) { setBegun({...kept, from}); return; }
        const abort = new AbortController();
        begin(source, abort.signal).then(b => setBegun({...b, from}), thrown => { if (!isAbort(thrown)) setProblem(asApiError(thrown)); });
        return () => abort.abort();
    }, [from]);
    if (from === '') return <Gallery />;
    if (problem) return <ErrorBox problem={problem} />;
    if (begun?.from !== from) return <Loading what="form" />;
    return <Workspace key={from} begun={begun} from={query.value.toString()} />;
}

function Gallery() {
    const [templates, setTemplates] = useState<TemplateRow[]>([]);
    useEffect(() => {
        const abort = new AbortController();
        call('get', '/api/v1/templates', {query: {limit: 100}, signal: abort.signal}).then(page => setTemplates(page.items), () => undefined);
        return () => abort.abort();
    }, []);
    return <>
        <div class="page-head"><h1>New job</h1><span class="muted">Choose what to begin with; everything can be changed afterwards.</span></div>
        <ul class="gallery">
            {STARTERS.map(s => <li key={s.id}><a class="card" href={`/submit?starter=${s.id}`}><strong>{s.title}</strong><span class="muted">{s.about}</span></a></li>)}
        </ul>
        {templates.length > 0 && <>
            <h2 class="gap">Saved templates</h2>
            <ul class="gallery">
                {templates.map(t => <li key={`${t.namespace}/${t.name}`}><a class="card" href={`/submit?template=${encodeURIComponent(`${t.namespace}/${t.name}`)}`}>
                    <strong>{t.title}</strong><span class="muted">{t.description}</span><span class="muted small">{t.namespace}/{t.name}</span></a></li>)}
            </ul>
        </>}
        <p class="muted small">To run a job again with changes, open it and choose Clone.</p>
    </>;
}
