// SPDX-License-Identifier: Apache-2.0
// Timeline, roles and pods, what the job runs and where its files are.
import type {JobDetail} from '../api/types';
import {Copyable} from '../shell/parts';
import {Pods} from './pods';
import {Timeline} from './timeline';

/** The parts of the spec that are shown in words; the spec is the cluster's to check, so nothing of it is taken for granted. */
interface Spec {
    image?: unknown; command?: unknown; args?: unknown; roles?: unknown; storage?: unknown; env?: unknown; files?: unknown;
}
const listOf = (value: unknown): Record<string, unknown>[] => Array.isArray(value) ? value.filter(v => v !== null && typeof v === 'object') as Record<string, unknown>[] : [];
const textOf = (value: unknown): string => typeof value === 'string' || typeof value === 'number' ? String(value) : '';
const lineOf = (value: unknown): string => Array.isArray(value) ? value.map(v => quoted(String(v))).join(' ') : '';
const quoted = (word: string): string => /^[\w@%+=:,./$()-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

export function Overview({detail}: {detail: JobDetail}) {
    return <>
        <section class="panel" aria-labelledby="h-timeline"><h2 id="h-timeline">Timeline</h2><Timeline steps={detail.timeline} succeeded={detail.row.phase === 'Succeeded'} /></section>
        <Pods detail={detail} />
        <section class="panel" aria-labelledby="h-runs"><h2 id="h-runs">What it runs</h2><Facts detail={detail} /></section>
    </>;
}

function Facts({detail}: {detail: JobDetail}) {
    const spec = detail.spec as Spec;
    const command = [lineOf(spec.command), lineOf(spec.args)].filter(Boolean).join(' ');
    const storage = listOf(spec.storage);
    const files = listOf(spec.files);
    const roles = listOf(spec.roles);
    return (
        <dl class="facts">
            {textOf(spec.image) !== '' && <><dt>Image</dt><dd><Copyable text={textOf(spec.image)} what="the image" /></dd></>}
            {command !== '' && <><dt>Command</dt><dd><Copyable text={command} what="the command" /></dd></>}
            {roles.map(r => (
                <FactsOfRole key={textOf(r.name)} role={r} />
            ))}
            {storage.map(s => <><dt>Storage</dt><dd><code>{textOf(s.mountPath)}</code> is {textOf(s.name)}{textOf(s.path) === '' ? '' : <>, <code>{textOf(s.path)}</code></>}{s.readOnly === true ? ', read-only' : ''}</dd></>)}
            {files.length > 0 && <><dt>Files in /job</dt><dd>{files.map(f => `${textOf(f.name)} (${textOf(f.size)} bytes)`).join(', ')}</dd></>}
            {detail.folder && <><dt>Folder</dt><dd><Copyable text={detail.folder} what="the folder" /></dd></>}
            <dt>UID</dt><dd><Copyable text={detail.row.uid} what="the UID" /></dd>
        </dl>
    );
}

function FactsOfRole({role}: {role: Record<string, unknown>}) {
    const resources = (role.resources ?? {}) as Record<string, unknown>;
    const parts = [
        `${textOf(role.replicas) || '1'} × ${textOf(role.gpus) || '0'} GPUs${textOf(role.gpuType) === '' ? '' : ` ${textOf(role.gpuType)}`}`,
        ...['cpu', 'memory', 'shm'].filter(n => textOf(resources[n]) !== '').map(n => `${n} ${textOf(resources[n])}`)];
    return <><dt>Role {textOf(role.name)}</dt><dd>{parts.join(', ')}{lineOf(role.command) === '' ? '' : <>: <code>{lineOf(role.command)}</code></>}</dd></>;
}
