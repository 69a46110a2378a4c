// SPDX-License-Identifier: Apache-2.0
// The form of a job. Each change goes into the YAML at once.
import {useSignal} from '@preact/signals';
import {useEffect} from 'preact/hooks';
import {call} from '../api/client';
import {Icon} from '../shell/icons';
import {Field, TextField, WordsField} from './fields';
import {EnvList, FileList, StorageList} from './form_lists';
import {FRAMEWORKS, newRole, type Form, type Role} from './form';

export interface FormProps {
    form: Form;
    change: (change: Partial<Form>) => void;
    /** What is wrong with a field, by its path as the API server writes it. */
    errorOf: (field: string) => string | undefined;
    gpuTypes: string[];
}

const frameworkHints: Record<string, string> = {
    '': 'Pods are told their own place only.', None: 'Pods are told their own place only.',
    Torch: 'MASTER_ADDR, RANK and what torchrun needs are set.', MPI: 'Role launcher runs mpirun; the others are its hosts.',
    JAX: 'What jax.distributed.initialize needs is set.', TensorFlow: 'TF_CONFIG is set; roles are its tasks (chief, worker, ps, evaluator).', DeepSpeed: 'Role launcher runs deepspeed; the others are its hosts.'};

export function FormView({form, change, errorOf, gpuTypes}: FormProps) {
    const images = useRecentImages();
    return (
        <div class="form">
            <section class="panel" aria-labelledby="f-what">
                <h2 id="f-what">What to run</h2>
                <TextField label="Name" value={form.name} placeholder="digits" onValue={name => change({name})} error={errorOf('metadata.name')} hint="Lower-case letters, digits and dashes." />
                <TextField label="Image" mono value={form.image} placeholder="registry.example/digits:1" list="recent-images" onValue={image => change({image})} error={errorOf('spec.image')} />
                <datalist id="recent-images">{images.map(i => <option key={i} value={i} />)}</datalist>
                <WordsField label="Command" words={form.command} placeholder="python3 /job/train.py" onWords={command => change({command})} error={errorOf('spec.command')} hint="Empty: the image's own. No shell is involved; quotes group words." />
                <WordsField label="Arguments" words={form.args} placeholder="--epochs 10" onWords={args => change({args})} error={errorOf('spec.args')} />
                <Field label="Framework" hint={frameworkHints[form.framework] ?? ''} error={errorOf('spec.framework')}>
                    {a => <select {...a} value={form.framework === '' ? 'None' : form.framework} onChange={e => change({framework: e.currentTarget.value === 'None' ? '' : e.currentTarget.value})}>
                        {[...FRAMEWORKS, ...((FRAMEWORKS as readonly string[]).includes(form.framework) || form.framework === '' ? [] : [form.framework])].map(f => <option key={f} value={f}>{f}</option>)}
                    </select>}
                </Field>
            </section>
            <FileList form={form} change={change} errorOf={errorOf} gpuTypes={gpuTypes} />
            <section class="panel" aria-labelledby="f-gpus">
                <div class="panel-head"><h2 id="f-gpus">Pods and GPUs</h2><span class="spring" />
                    <button type="button" onClick={() => change({roles: [...form.roles, newRole(freeName(form.roles))]})}><Icon name="submit" />Role</button></div>
                {form.roles.length === 0 && <p class="muted">One pod without a GPU. Add a role to ask for more.</p>}
                {form.roles.map((role, i) => <RoleFields key={i} role={role} place={i} errorOf={errorOf}
                    change={next => change({roles: form.roles.with(i, {...role, ...next})})} remove={() => change({roles: form.roles.toSpliced(i, 1)})} />)}
                <datalist id="gpu-types">{gpuTypes.map(t => <option key={t} value={t} />)}</datalist>
                {errorOf('spec.roles') && <p class="wrong small">{errorOf('spec.roles')}</p>}
            </section>
            <StorageList form={form} change={change} errorOf={errorOf} gpuTypes={gpuTypes} />
            <EnvList form={form} change={change} errorOf={errorOf} gpuTypes={gpuTypes} />
            <section class="panel" aria-labelledby="f-when">
                <h2 id="f-when">When it fails, and when it must end</h2>
                <div class="row">
                    <TextField narrow type="number" min={0} max={1000} label="Start anew after its own faults" value={form.retryLimit} placeholder="0" onValue={retryLimit => change({retryLimit})} error={errorOf('spec.retry.limit')} hint="times" />
                    <TextField narrow type="number" min={1} label="Ends at the latest after" value={form.deadline} placeholder="no limit" onValue={deadline => change({deadline})} error={errorOf('spec.activeDeadlineSeconds')} hint="seconds" />
                    <TextField narrow label="Folder it starts in" mono value={form.workingDir} placeholder="the image's" onValue={workingDir => change({workingDir})} error={errorOf('spec.workingDir')} />
                </div>
            </section>
        </div>
    );
}

function freeName(roles: Role[]): string {
    for (const name of ['worker', 'evaluator', 'server']) if (!roles.some(r => r.name === name)) return name;
    return `role${roles.length + 1}`;
}

function RoleFields({role, place, change, remove, errorOf}: {role: Role; place: number; change: (next: Partial<Role>) => void; remove: () => void; errorOf: FormProps['errorOf']}) {
    const at = `spec.roles[${place}]`;
    const more = Object.keys(role.extra);
    return (
        <fieldset class="item">
            <legend class="unseen">Role {role.name}</legend>
            <div class="row">
                <TextField narrow label="Role" value={role.name} onValue={name => change({name})} error={errorOf(`${at}.name`)} />
                <TextField narrow type="number" min={1} max={10000} label="Pods" value={role.replicas} placeholder="1" onValue={replicas => change({replicas})} error={errorOf(`${at}.replicas`)} />
                <TextField narrow type="number" min={0} max={128} label="GPUs a pod" value={role.gpus} placeholder="0" onValue={gpus => change({gpus})} error={errorOf(`${at}.gpus`)} />
                <TextField narrow label="GPU type" list="gpu-types" value={role.gpuType} placeholder="any" onValue={gpuType => change({gpuType})} error={errorOf(`${at}.gpuType`)} />
                <TextField narrow label="CPUs" value={role.cpu} placeholder="100m" onValue={cpu => change({cpu})} error={errorOf(`${at}.resources.cpu`)} />
                <TextField narrow label="Memory" value={role.memory} placeholder="64Gi" onValue={memory => change({memory})} error={errorOf(`${at}.resources.memory`)} />
                <TextField narrow label="Shared memory" value={role.shm} placeholder="16Gi" onValue={shm => change({shm})} error={errorOf(`${at}.resources.shm`)} />
                <button type="button" class="quiet icon-only remove" aria-label={`Remove role ${role.name}`} title="Remove" onClick={remove}><Icon name="close" /></button>
            </div>
            {more.length > 0 && <p class="muted small">The YAML says more of it: {more.join(', ')}.</p>}
        </fieldset>
    );
}

/** Images of one's own last jobs: the likeliest ones. */
function useRecentImages(): string[] {
    const images = useSignal<string[]>([]);
    useEffect(() => {
        const abort = new AbortController();
        call('get', '/api/v1/jobs', {query: {mine: true, limit: 50}, signal: abort.signal})
            .then(page => { images.value = [...new Set(page.items.map(r => r.image ?? '').filter(Boolean))].slice(0, 12); }, () => undefined);
        return () => abort.abort();
    }, []);
    return images.value;
}
