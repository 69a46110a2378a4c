// SPDX-License-Identifier: Apache-2.0
// The form and the YAML of one job that is being written. The YAML is what is kept and submitted; the form reads it anew
// after each change, and writes its changes into it.
import {useEffect, useMemo, useRef, useState} from 'preact/hooks';
import {call} from '../api/client';
import {asApiError, type ApiError} from '../api/problem';
import {maySubmitIn, mayTemplateIn, namespaces} from '../session/session';
import {say} from '../shell/announce';
import {Icon} from '../shell/icons';
import {lazy} from '../shell/lazy';
import {recall, remember} from '../shell/memory';
import {ErrorBox} from '../shell/parts';
import {jobPath, navigate} from '../shell/router';
import {plural} from '../shell/time';
import {SaveTemplate} from '../templates/save';
import {checked, checkSoon, stopChecking} from './dry_run';
import type {Mark} from './editor';
import {applyForm, looksSecret, readForm, type Form} from './form';
import {FormView} from './form_view';
import {FreeGpus, gpus} from './free_gpus';
import {check, type Schema} from './schema';
import {dropDraft, keepDraft, type Begun} from './draft';
import {nextName, renamed} from './source';
import {lineOfPath, pathOfField, readYaml, writeYaml} from './yaml_doc';

const Editor = lazy(() => import('./editor').then(m => m.Editor));
const fieldOf = (path: (string | number)[]): string => path.reduce<string>((all, key) => typeof key === 'number' ? `${all}[${key}]` : all === '' ? key : `${all}.${key}`, '');

export function Workspace({begun, from}: {begun: Begun; from: string}) {
    const [yaml, setYaml] = useState(begun.yaml);
    const [view, setView] = useState<'both' | 'form' | 'yaml'>(() => recall('submit-view') === 'yaml' ? 'yaml' : recall('submit-view') === 'form' ? 'form' : 'both');
    const [chosen, setChosen] = useState(begun.namespace || recall('namespace') || '');
    const [goTo, setGoTo] = useState<{line: number; nonce: number}>();
    const [refused, setRefused] = useState<{yaml: string; problem: ApiError}>();
    const [busy, setBusy] = useState(false);
    const [saving, setSaving] = useState(false);
    const schema = useSchema();
    const forgotten = useRef(false);
    const latest = useRef(yaml);
    latest.current = yaml;

    const parsed = useMemo(() => readYaml(yaml), [yaml]);
    const readable = parsed.errors.length === 0;
    const form = useMemo(() => readForm(parsed.value), [parsed]);
    const own = namespaceOf(parsed.value);
    const options = [...new Set([...maySubmitIn.value, ...(own ? [own] : []), ...(chosen ? [chosen] : [])])].sort();
    const namespace = own || chosen || maySubmitIn.value[0] || namespaces.value[0]?.name || '';

    useEffect(() => {
        if (yaml !== begun.yaml && !forgotten.current) keepDraft({yaml, namespace: chosen, from});
        if (readable) checkSoon(namespace, yaml); else stopChecking();
        return stopChecking;
    }, [yaml, namespace, readable]);

    const marks = useMemo<Mark[]>(() => {
        if (!readable) return parsed.errors.map(e => ({...e, severity: 'error' as const}));
        const server = (refused?.yaml === yaml ? refused.problem : checked.value.state === 'refused' ? checked.value.problem : undefined)?.errors ?? [];
        const all: Mark[] = server.map(e => ({line: e.line ?? lineOfPath(yaml, pathOfField(e.field)), column: e.column, message: e.message, severity: 'error' as const}));
        // What the schema finds is shown at once; where the server says something about the line, that is enough.
        for (const f of schema === undefined ? [] : check(schema, parsed.value)) {
            const line = lineOfPath(yaml, f.path);
            if (!all.some(m => m.line === line)) all.push({line, message: f.message, severity: 'error'});
        }
        form.env.forEach((v, i) => { if (looksSecret(v)) all.push({line: lineOfPath(yaml, ['spec', 'env', i]), message: 'Everybody who may see the job sees this value; use valueFrom and a Secret.', severity: 'warning'}); });
        return all.sort((a, b) => a.line - b.line);
    }, [yaml, readable, checked.value, refused, schema]);

    const byField = useMemo(() => {
        const map = new Map<string, string>();
        if (!readable) return map;
        for (const f of schema === undefined ? [] : check(schema, parsed.value)) map.set(fieldOf(f.path), f.message);
        const server = refused?.yaml === yaml ? refused.problem : checked.value.state === 'refused' ? checked.value.problem : undefined;
        for (const e of server?.errors ?? []) map.set(e.field, e.message);
        return map;
    }, [yaml, readable, checked.value, refused, schema]);

    const change = (next: Partial<Form>) => {
        const {doc, value, errors} = readYaml(latest.current);
        if (errors.length > 0) return;
        const before = readForm(value);
        applyForm(doc, before, {...before, ...next});
        latest.current = writeYaml(doc);
        setYaml(latest.current);
    };
    const changeNamespace = (to: string) => {
        setChosen(to);
        remember('namespace', to);
        if (own !== '') {
            const {doc} = readYaml(latest.current);
            doc.setIn(['metadata', 'namespace'], to);
            setYaml(writeYaml(doc));
        }
    };
    const submit = async () => {
        if (busy) return;
        setBusy(true);
        setRefused(undefined);
        const text = latest.current;
        try {
            const row = await call('post', '/api/v1/namespaces/{namespace}/jobs', {path: {namespace}, yaml: text});
            dropDraft();
            remember('namespace', namespace);
            if (row !== undefined && 'uid' in row) {
                say(`Submitted ${row.name}`);
                navigate(jobPath(row.namespace, row.name));
            }
        } catch (thrown) {
            setRefused({yaml: text, problem: asApiError(thrown)});
        } finally {
            setBusy(false);
        }
    };
    const show = (next: 'both' | 'form' | 'yaml') => { setView(next); remember('submit-view', next); };

    return <>
        <div class="page-head">
            <h1>New job</h1>
            <label class="inline">Namespace <select value={namespace} onChange={e => changeNamespace(e.currentTarget.value)}>
                {options.length === 0 && <option value="">none</option>}{options.map(n => <option key={n} value={n}>{n}</option>)}</select></label>
            <span class="spring" />
            <div class="segmented" role="group" aria-label="View">
                {(['form', 'both', 'yaml'] as const).map(v => <button type="button" key={v} aria-pressed={view === v} onClick={() => show(v)}>{v === 'form' ? 'Form' : v === 'yaml' ? 'YAML' : 'Both'}</button>)}
            </div>
            {(yaml !== begun.yaml || begun.kept) && <button type="button" title="Forget what was written" onClick={() => { forgotten.current = true; dropDraft(); navigate('/submit'); }}>Start over</button>}
            {mayTemplateIn.value.length > 0 && <button type="button" disabled={!readable} onClick={() => setSaving(true)}>Save as template…</button>}
            <button type="button" class="primary" disabled={busy || !readable || namespace === ''} onClick={submit} title="Ctrl+Enter in the editor">{busy ? 'Submitting…' : 'Submit'}</button>
        </div>
        {maySubmitIn.value.length === 0 && namespaces.value.length > 0 && <div class="box warn"><Icon name="hand" />You may submit in no namespace, as far as the portal can tell. Who runs one can bind the role dlworkspace-editor to you.</div>}
        {refused && <ErrorBox problem={refused.problem} />}
        {refused?.problem.reason === 'AlreadyExists' && form.name !== '' && <p><button type="button" onClick={() => { setYaml(renamed(yaml, nextName(form.name))); setRefused(undefined); }}>Name it {nextName(form.name)}</button></p>}
        <div class={`workspace ${view}`}>
            {view !== 'yaml' && <div class="pane-form">
                {readable ? <FormView form={form} change={change} errorOf={field => byField.get(field)} gpuTypes={gpus.value.map(g => g.type).filter(Boolean)} />
                    : <div class="box warn"><Icon name="hand" /><div><strong>The YAML cannot be read</strong><p>Line {parsed.errors[0]?.line}: {parsed.errors[0]?.message}. The form is back when that is mended.</p>
                        {view === 'form' && <button type="button" onClick={() => show('both')}>Show the YAML</button>}</div></div>}
            </div>}
            {view !== 'form' && <div class="pane-yaml"><Editor text={yaml} onText={setYaml} schema={schema} marks={marks} goTo={goTo} onSubmit={() => void submit()} /></div>}
            <aside class="pane-side" aria-label="Check">
                <CheckBox marks={marks} readable={readable} onGo={line => { if (view === 'form') show('both'); setGoTo({line, nonce: Math.random()}); }} />
                <FreeGpus form={readable ? form : undefined} />
            </aside>
        </div>
        {saving && <SaveTemplate job={parsed.value} namespace={namespace} onClose={() => setSaving(false)} />}
    </>;
}

function CheckBox({marks, readable, onGo}: {marks: Mark[]; readable: boolean; onGo: (line: number) => void}) {
    const state = checked.value;
    const errors = marks.filter(m => m.severity === 'error').length;
    const general = state.state === 'refused' && state.problem.errors.length === 0 ? state.problem : undefined;
    return (
        <section class="panel" aria-labelledby="f-check">
            <h2 id="f-check">Check</h2>
            <p role="status" class={errors > 0 || general ? 'wrong' : ''}>
                {errors > 0 ? <><Icon name="cross" /> {plural(errors, 'thing')} to mend</>
                    : general ? <><Icon name="cross" /> {general.title}</>
                    : state.state === 'checking' ? <><Icon name="hourglass" /> The server is checking…</>
                    : state.state === 'good' ? <span class="right"><Icon name="check" /> The server would take it</span> : 'Not checked yet.'}
            </p>
            {general && general.detail !== '' && <p class="small">{general.detail}</p>}
            {!readable && <p class="muted small">It is checked by the server as soon as it can be read.</p>}
            {marks.length > 0 && <ul class="findings">{marks.map((m, i) => <li key={i}><button type="button" class="quiet" onClick={() => onGo(m.line)}>Line {m.line}</button> {m.severity === 'warning' && <Icon name="hand" />} {m.message}</li>)}</ul>}
        </section>
    );
}

function namespaceOf(job: unknown): string {
    const metadata = (job as {metadata?: {namespace?: unknown}} | null)?.metadata;
    return typeof metadata?.namespace === 'string' ? metadata.namespace : '';
}

function useSchema(): Schema | undefined {
    const [schema, setSchema] = useState<Schema>();
    useEffect(() => {
        const abort = new AbortController();
        call('get', '/api/v1/schema/dljob', {signal: abort.signal}).then(s => setSchema(s as Schema), () => undefined);   // without it the server's check is enough
        return () => abort.abort();
    }, []);
    return schema;
}
