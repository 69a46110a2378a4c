// SPDX-License-Identifier: Apache-2.0
// The lists of the form: scripts, storages, environment.
import {useSignal} from '@preact/signals';
import {useEffect, useRef, useState} from 'preact/hooks';
import {call} from '../api/client';
import {say} from '../shell/announce';
import {Icon} from '../shell/icons';
import {bytes} from '../shell/time';
import {Field, TextField} from './fields';
import {looksSecret, newFile, newMount, newVariable, type JobFile, type Mount, type Variable} from './form';
import type {FormProps} from './form_view';

const maxFiles = 262_144;   // bytes, in all files together

export function FileList({form, change, errorOf}: FormProps) {
    const input = useRef<HTMLInputElement>(null);
    const [over, setOver] = useState(false);
    const size = form.files.reduce((n, f) => n + new Blob([f.content]).size, 0);
    const add = async (list: FileList_) => {
        const files = [...form.files];
        let command = form.command;
        for (const file of list) {
            if (file.size + size > maxFiles) { say(`${file.name} is too large: files hold ${bytes(maxFiles)} together. Put larger ones into the image or on shared storage.`, true); continue; }
            const content = await file.text();
            if (content.includes('\uFFFD') || content.includes('\0')) { say(`${file.name} is no text.`, true); continue; }
            const name = file.name.replace(/[^-A-Za-z0-9_.]/g, '_');
            const place = files.findIndex(f => f.name === name);
            if (place >= 0) files[place] = {...files[place]!, content}; else files.push(newFile(name, content));
            if (command.length === 0 || (form.files.length === 0 && command.length === 1)) command = name.endsWith('.py') ? ['python3', `/job/${name}`] : name.endsWith('.sh') ? ['bash', `/job/${name}`] : command;
        }
        change({files, command});
    };
    const set = (i: number, next: Partial<JobFile>) => change({files: form.files.with(i, {...form.files[i]!, ...next})});
    return (
        <section class={`panel ${over ? 'drop' : ''}`} aria-labelledby="f-files"
            onDragOver={e => { e.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)}
            onDrop={e => { e.preventDefault(); setOver(false); void add([...e.dataTransfer?.files ?? []]); }}>
            <div class="panel-head">
                <h2 id="f-files">Scripts</h2><span class="muted small">{form.files.length > 0 ? `${bytes(size)} of ${bytes(maxFiles)}` : ''}</span><span class="spring" />
                <input ref={input} type="file" multiple hidden onChange={e => { void add([...e.currentTarget.files ?? []]); e.currentTarget.value = ''; }} />
                <button type="button" onClick={() => input.current?.click()}>Choose files…</button>
                <button type="button" onClick={() => change({files: [...form.files, newFile(form.files.some(f => f.name === 'train.py') ? `file${form.files.length + 1}.py` : 'train.py', '')]})}><Icon name="submit" />New</button>
            </div>
            {form.files.length === 0 && <p class="muted">Small text files that the job finds in <code>/job</code>. Drop them here, and no image has to be built for a script.</p>}
            {form.files.map((f, i) => (
                <fieldset class="item" key={i}>
                    <legend class="unseen">File {f.name}</legend>
                    <div class="row">
                        <TextField label="File in /job" mono value={f.name} onValue={name => set(i, {name})} error={errorOf(`spec.files[${i}].name`)} />
                        <button type="button" class="quiet icon-only remove" aria-label={`Remove ${f.name}`} title="Remove" onClick={() => change({files: form.files.toSpliced(i, 1)})}><Icon name="close" /></button>
                    </div>
                    <Field label={`Content of ${f.name}`} error={errorOf(`spec.files[${i}].content`)}>
                        {a => <textarea {...a} class="mono code" rows={Math.min(14, Math.max(4, f.content.split('\n').length))} value={f.content} spellcheck={false} onInput={e => set(i, {content: e.currentTarget.value})} />}
                    </Field>
                </fieldset>
            ))}
            {errorOf('spec.files') && <p class="wrong small">{errorOf('spec.files')}</p>}
        </section>
    );
}
type FileList_ = globalThis.File[];

export function StorageList({form, change, errorOf}: FormProps) {
    const names = useSignal<string[]>([]);
    useEffect(() => {
        const abort = new AbortController();
        call('get', '/api/v1/cluster/storages', {signal: abort.signal}).then(page => { names.value = page.items.map(s => s.name); }, () => undefined);
        return () => abort.abort();
    }, []);
    const set = (i: number, next: Partial<Mount>) => change({storage: form.storage.with(i, {...form.storage[i]!, ...next})});
    const next = names.value.find(n => !form.storage.some(s => s.name === n)) ?? 'work';
    return (
        <section class="panel" aria-labelledby="f-storage">
            <div class="panel-head"><h2 id="f-storage">Storage</h2><span class="spring" />
                <button type="button" onClick={() => change({storage: [...form.storage, newMount(next, `/${next}`)]})}><Icon name="submit" />Storage</button></div>
            {form.storage.length === 0 && <p class="muted">Nothing of what the job writes is kept. Add a storage to read data, and to keep checkpoints.</p>}
            <datalist id="storage-names">{names.value.map(n => <option key={n} value={n} />)}</datalist>
            {form.storage.map((s, i) => (
                <fieldset class="item" key={i}>
                    <legend class="unseen">Storage {s.name}</legend>
                    <div class="row">
                        <TextField narrow label="Storage" list="storage-names" value={s.name} onValue={name => set(i, {name})} error={errorOf(`spec.storage[${i}].name`)} />
                        <TextField narrow mono label="Folder in it" value={s.path} placeholder="all of it" onValue={path => set(i, {path})} error={errorOf(`spec.storage[${i}].path`)} />
                        <TextField narrow mono label="Seen as" value={s.mountPath} placeholder="/data" onValue={mountPath => set(i, {mountPath})} error={errorOf(`spec.storage[${i}].mountPath`)} />
                        <label class="check"><input type="checkbox" checked={s.readOnly} onChange={e => set(i, {readOnly: e.currentTarget.checked})} />Read-only</label>
                        <button type="button" class="quiet icon-only remove" aria-label={`Remove storage ${s.name}`} title="Remove" onClick={() => change({storage: form.storage.toSpliced(i, 1)})}><Icon name="close" /></button>
                    </div>
                </fieldset>
            ))}
        </section>
    );
}

export function EnvList({form, change, errorOf}: FormProps) {
    const [asSecret, setAsSecret] = useState<ReadonlySet<number>>(new Set());
    const set = (i: number, next: Partial<Variable>) => change({env: form.env.with(i, {...form.env[i]!, ...next})});
    return (
        <section class="panel" aria-labelledby="f-env">
            <div class="panel-head"><h2 id="f-env">Environment</h2><span class="spring" />
                <button type="button" onClick={() => change({env: [...form.env, newVariable()]})}><Icon name="submit" />Variable</button></div>
            {form.env.map((v, i) => {
                const secret = v.secret !== '' || v.key !== '' || asSecret.has(i);
                return (
                    <fieldset class="item" key={i}>
                        <legend class="unseen">Variable {v.name}</legend>
                        <div class="row">
                            <TextField narrow mono label="Name" value={v.name} placeholder="OMP_NUM_THREADS" onValue={name => set(i, {name})} error={errorOf(`spec.env[${i}].name`)} />
                            {secret ? <>
                                <TextField narrow mono label="Secret" value={v.secret} placeholder="wandb" onValue={s => set(i, {secret: s})} error={errorOf(`spec.env[${i}].valueFrom.secretKeyRef.name`)} />
                                <TextField narrow mono label="Key in it" value={v.key} placeholder="token" onValue={key => set(i, {key})} error={errorOf(`spec.env[${i}].valueFrom.secretKeyRef.key`)} />
                            </> : <TextField mono label="Value" value={v.value} onValue={value => set(i, {value})} error={errorOf(`spec.env[${i}].value`)} />}
                            <label class="check"><input type="checkbox" checked={secret} onChange={e => {
                                const on = e.currentTarget.checked;
                                setAsSecret(before => { const next = new Set(before); if (on) next.add(i); else next.delete(i); return next; });
                                set(i, on ? {value: ''} : {secret: '', key: ''});
                            }} />From a Secret</label>
                            <button type="button" class="quiet icon-only remove" aria-label={`Remove variable ${v.name}`} title="Remove" onClick={() => change({env: form.env.toSpliced(i, 1)})}><Icon name="close" /></button>
                        </div>
                        {looksSecret(v) && <p class="wrong small">Everybody who may see the job sees this value. Put it into a Secret of the namespace, and name its key here.</p>}
                    </fieldset>
                );
            })}
            {form.env.length === 0 && <p class="muted">None beside what is set for every job.</p>}
        </section>
    );
}
