// SPDX-License-Identifier: Apache-2.0
// What one does to jobs, one or many: always after a question that names them.
import {useState} from 'preact/hooks';
import {call} from '../api/client';
import {asApiError, type ApiError} from '../api/problem';
import type {JobRow} from '../api/types';
import {say} from '../shell/announce';
import {Dialog} from '../shell/dialog';
import {Icon} from '../shell/icons';
import {plural} from '../shell/time';

export type Action = 'stop' | 'suspend' | 'resume' | 'delete';

const texts: Record<Action, {title: string; button: string; doing: string; what: string; danger: boolean}> = {
    stop: {title: 'Stop', button: 'Stop', doing: 'Stopping', danger: true, what: 'Pods end now and the job does not run again. Its record and its logs stay.'},
    suspend: {title: 'Suspend', button: 'Suspend', doing: 'Suspending', danger: false, what: 'Pods end and give back their GPUs, until you resume. The job then starts anew, from its checkpoints.'},
    resume: {title: 'Resume', button: 'Resume', doing: 'Resuming', danger: false, what: 'The job waits for GPUs and starts anew, from its checkpoints.'},
    delete: {title: 'Delete', button: 'Delete', doing: 'Deleting', danger: true, what: 'Pods end and the record is removed. Archived logs stay in the job\'s folder.'},
};

/** Throws ApiError. The uid says which job is meant, should another one have taken its name. */
export async function act(action: Action, job: JobRow): Promise<JobRow | undefined> {
    const options = {path: {namespace: job.namespace, job: job.name}, query: {uid: job.uid}};
    switch (action) {
        case 'stop': return call('post', '/api/v1/namespaces/{namespace}/jobs/{job}/stop', options);
        case 'suspend': return call('post', '/api/v1/namespaces/{namespace}/jobs/{job}/suspend', options);
        case 'resume': return call('post', '/api/v1/namespaces/{namespace}/jobs/{job}/resume', options);
        case 'delete': return call('delete', '/api/v1/namespaces/{namespace}/jobs/{job}', options);
    }
}

const atOnce = 4;

/** Does `one` to all of `items`, four at a time, in their order. */
export async function eachOf<T>(items: readonly T[], one: (item: T) => Promise<void>): Promise<void> {
    let next = 0;
    const worker = async () => { while (next < items.length) await one(items[next++]!); };
    await Promise.all(Array.from({length: Math.min(atOnce, items.length)}, worker));
}

export function ActionDialog({action, jobs, onClose, onRow}: {action: Action; jobs: JobRow[]; onClose: (done: boolean) => void; onRow?: (row: JobRow) => void}) {
    const [busy, setBusy] = useState(false);
    const [done, setDone] = useState(0);
    const [failed, setFailed] = useState<{job: JobRow; problem: ApiError}[]>([]);
    const text = texts[action];
    const whom = jobs.length === 1 ? jobs[0]!.name : plural(jobs.length, 'job');
    const run = async () => {
        setBusy(true);
        const problems: {job: JobRow; problem: ApiError}[] = [];
        await eachOf(jobs, async job => {
            try {
                const row = await act(action, job);
                if (row !== undefined) onRow?.(row);
            } catch (thrown) {
                problems.push({job, problem: asApiError(thrown)});
            }
            setDone(n => n + 1);
        });
        setBusy(false);
        setFailed(problems);
        if (problems.length === 0) {
            say(`${text.doing} ${whom}`);
            onClose(true);
        }
    };
    return (
        <Dialog title={`${text.title} ${whom}?`} onClose={() => { if (!busy) onClose(done > 0); }}>
            <p>{text.what}</p>
            {jobs.length > 1 && <ul class="job-names">{jobs.map(j => <li key={j.uid}>{j.namespace}/<strong>{j.name}</strong> <span class="muted">{j.gpus > 0 ? plural(j.gpus, 'GPU') : ''} <bdi>{j.owner}</bdi></span></li>)}</ul>}
            {failed.length > 0 && (
                <div class="box bad" role="alert"><Icon name="cross" /><div>
                    <strong>{plural(failed.length, 'job')} of {jobs.length} refused</strong>
                    <ul>{failed.map(f => <li key={f.job.uid}><strong>{f.job.name}</strong>: {f.problem.detail || f.problem.title}</li>)}</ul>
                </div></div>
            )}
            <div class="actions">
                <button type="button" disabled={busy} onClick={() => onClose(done > 0)}>{failed.length > 0 ? 'Close' : 'Cancel'}</button>
                {failed.length === 0 && <button type="button" class={text.danger ? 'danger' : 'primary'} disabled={busy} onClick={run}>
                    {busy ? `${text.doing} ${done} of ${jobs.length}…` : `${text.button} ${whom}`}</button>}
            </div>
        </Dialog>
    );
}
