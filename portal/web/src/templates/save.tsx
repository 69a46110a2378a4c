// SPDX-License-Identifier: Apache-2.0
// Saves what is written as a template. Secrets have no place in one; the server refuses values whose names look secret.
import {useState} from 'preact/hooks';
import {call, callWithTag} from '../api/client';
import {asApiError, type ApiError} from '../api/problem';
import type {JobManifest} from '../api/types';
import {mayTemplateIn} from '../session/session';
import {say} from '../shell/announce';
import {Dialog} from '../shell/dialog';
import {ErrorBox} from '../shell/parts';
import {TextField, Field} from '../submit/fields';
import {looksSecret, readForm} from '../submit/form';

/** A template is no job of a namespace yet. */
export function contentOf(job: unknown): JobManifest {
    const {metadata, spec} = job as {metadata?: Record<string, unknown>; spec?: Record<string, unknown>};
    const {namespace: _, ...rest} = metadata ?? {};
    return {...(Object.keys(rest).length > 0 ? {metadata: rest as JobManifest['metadata']} : {}), spec: spec ?? {}};
}

export function SaveTemplate({job, namespace, onClose}: {job: unknown; namespace: string; onClose: () => void}) {
    const form = readForm(job);
    const [where, setWhere] = useState(mayTemplateIn.value.includes(namespace) ? namespace : mayTemplateIn.value[0] ?? '');
    const [name, setName] = useState(form.name);
    const [title, setTitle] = useState(form.name);
    const [description, setDescription] = useState('');
    const [problem, setProblem] = useState<ApiError>();
    const [busy, setBusy] = useState(false);
    const secrets = form.env.filter(looksSecret).map(v => v.name);
    const save = async (replace: boolean) => {
        setBusy(true);
        setProblem(undefined);
        const path = {namespace: where, template: name};
        try {
            const headers: Record<string, string> = {};
            if (replace) headers['If-Match'] = (await callWithTag('get', '/api/v1/namespaces/{namespace}/templates/{template}', {path})).etag;
            await call('put', '/api/v1/namespaces/{namespace}/templates/{template}', {path, headers, json: {title, description, job: contentOf(job)}});
            say(`Saved the template ${title}`);
            onClose();
        } catch (thrown) {
            setProblem(asApiError(thrown));
        } finally {
            setBusy(false);
        }
    };
    const exists = problem?.status === 409 || problem?.status === 412;
    return (
        <Dialog title="Save as template" onClose={onClose}>
            <form class="stack" onSubmit={e => { e.preventDefault(); void save(false); }}>
                <Field label="Namespace" hint="Who may list its templates can use it.">{a => <select {...a} value={where} onChange={e => setWhere(e.currentTarget.value)}>{mayTemplateIn.value.map(n => <option key={n} value={n}>{n}</option>)}</select>}</Field>
                <TextField label="Name" value={name} onValue={setName} hint="Lower-case letters, digits, dashes and dots." />
                <TextField label="Title" value={title} onValue={setTitle} />
                <TextField label="Description" value={description} onValue={setDescription} />
                {secrets.length > 0 && <div class="box warn">{secrets.join(', ')}: values that look secret are not saved in templates. Name a key of a Secret instead (Environment, From a Secret).</div>}
                {problem && <ErrorBox problem={problem} />}
                <div class="actions">
                    <button type="button" onClick={onClose}>Cancel</button>
                    {exists && <button type="button" class="danger" disabled={busy} onClick={() => void save(true)}>Replace the one that is there</button>}
                    <button type="submit" class="primary" disabled={busy || name === '' || title === '' || secrets.length > 0}>{busy ? 'Saving…' : 'Save'}</button>
                </div>
            </form>
        </Dialog>
    );
}
