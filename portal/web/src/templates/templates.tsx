// SPDX-License-Identifier: Apache-2.0
// Saved templates.
import {useEffect, useMemo, useState} from 'preact/hooks';
import {call} from '../api/client';
import {asApiError, isAbort, type ApiError} from '../api/problem';
import type {TemplateRow} from '../api/types';
import {SearchField} from '../jobs/filter_bar';
import {mayTemplateIn} from '../session/session';
import {say} from '../shell/announce';
import {Dialog} from '../shell/dialog';
import {Age} from '../shell/now';
import {Empty, ErrorBox, Loading} from '../shell/parts';
import {urlState} from '../shell/router';
import {text, type Fields} from '../shell/urlstate';

interface State { q: string }
const fields: Fields<State> = {q: text()};

export function Templates(_: {rest: string[]}) {
    const url = useMemo(() => urlState<State>(fields), []);
    const {q} = url.get();
    const [rows, setRows] = useState<TemplateRow[]>();
    const [cursor, setCursor] = useState<string>();
    const [problem, setProblem] = useState<ApiError>();
    const [removing, setRemoving] = useState<TemplateRow>();
    const load = async (from: string | undefined, signal?: AbortSignal) => {
        try {
            const page = await call('get', '/api/v1/templates', {query: {...(q.trim() === '' ? {} : {q: q.trim()}), ...(from === undefined ? {} : {cursor: from})}, signal});
            setRows(before => from === undefined ? page.items : [...before ?? [], ...page.items]);
            setCursor(page.nextCursor);
            setProblem(undefined);
        } catch (thrown) {
            if (!isAbort(thrown)) setProblem(asApiError(thrown));
        }
    };
    useEffect(() => {
        const abort = new AbortController();
        void load(undefined, abort.signal);
        return () => abort.abort();
    }, [q]);
    const use = (t: TemplateRow) => `/submit?template=${encodeURIComponent(`${t.namespace}/${t.name}`)}`;
    return <>
        <div class="page-head"><h1>Templates</h1><span class="muted">Saved forms; there is no secret in them.</span></div>
        <div class="filters" role="search" aria-label="Filter templates"><SearchField value={q} label="Search templates" placeholder="Title or name" onChange={next => url.set({q: next})} /></div>
        {problem && <ErrorBox problem={problem} retry={() => void load(undefined)} />}
        {rows === undefined && !problem && <Loading what="templates" />}
        {rows?.length === 0 && <Empty title={q === '' ? 'There are no templates yet' : 'No template fits'}>
            {q === '' && <><p class="muted">Write a job and choose “Save as template”; who may list the namespace's templates can begin with it.</p><a class="button primary" href="/submit">Write a job</a></>}</Empty>}
        {rows && rows.length > 0 && (
            <div class="table-wrap" tabIndex={0} role="region" aria-label="Templates"><table>
                <thead><tr><th>Title</th><th>Description</th><th>Namespace</th><th class="number">Changed</th><th><span class="unseen">What to do</span></th></tr></thead>
                <tbody>{rows.map(t => (
                    <tr key={`${t.namespace}/${t.name}`}>
                        <td class="wrap-any"><a href={use(t)}><strong>{t.title}</strong></a><br /><span class="muted small">{t.name}</span></td>
                        <td class="wrap-any">{t.description}</td>
                        <td>{t.namespace}</td>
                        <td class="number"><Age at={t.changedAt} /></td>
                        <td class="number"><a class="button" href={use(t)} aria-label={`Use ${t.title}`}>Use</a>{' '}
                            {mayTemplateIn.value.includes(t.namespace) && <button type="button" aria-label={`Delete ${t.title}`} onClick={() => setRemoving(t)}>Delete…</button>}</td>
                    </tr>
                ))}</tbody>
            </table></div>
        )}
        {cursor && <p class="more"><button type="button" onClick={() => void load(cursor)}>Show more</button></p>}
        {/* Not asked for anew: the server's list hears of it a moment later. */}
        {removing && <Remove template={removing} onClose={done => { setRemoving(undefined); if (done) setRows(old => old?.filter(t => t !== removing)); }} />}
    </>;
}

function Remove({template, onClose}: {template: TemplateRow; onClose: (done: boolean) => void}) {
    const [problem, setProblem] = useState<ApiError>();
    const remove = async () => {
        try {
            await call('delete', '/api/v1/namespaces/{namespace}/templates/{template}', {path: {namespace: template.namespace, template: template.name}, query: template.uid === undefined ? {} : {uid: template.uid}});
            say(`Deleted the template ${template.title}`);
            onClose(true);
        } catch (thrown) {
            setProblem(asApiError(thrown));
        }
    };
    return (
        <Dialog title={`Delete ${template.title}?`} onClose={() => onClose(false)}>
            <p>The template {template.namespace}/{template.name} is removed for everybody. Jobs that were made from it stay.</p>
            {problem && <ErrorBox problem={problem} />}
            <div class="actions"><button type="button" onClick={() => onClose(false)}>Cancel</button><button type="button" class="danger" onClick={remove}>Delete</button></div>
        </Dialog>
    );
}
