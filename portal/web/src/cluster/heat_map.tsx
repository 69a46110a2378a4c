// SPDX-License-Identifier: Apache-2.0
// GPUs by node and type. Each kind of cell has its own look besides its colour: filled, hatched, empty, crossed out.
import {useState} from 'preact/hooks';
import {memo} from '../jobs/memo';
import type {Node, NodeState} from '../api/types';
import {Dialog} from '../shell/dialog';
import type {IconName} from '../shell/icons';
import {Badge} from '../shell/parts';
import {jobPath} from '../shell/router';
import {byType, cellsOf, nodeInWords} from './heat';

const looks: Record<NodeState, {tone: string; icon: IconName; word: string}> = {
    Ready: {tone: 'good', icon: 'check', word: 'Ready'}, NotReady: {tone: 'bad', icon: 'cross', word: 'Not ready'},
    Cordoned: {tone: 'idle', icon: 'pause', word: 'Cordoned'}, Unhealthy: {tone: 'bad', icon: 'hand', word: 'Unhealthy'}};

export function Heat({nodes}: {nodes: Node[]}) {
    const [open, setOpen] = useState<string>();
    const chosen = nodes.find(n => n.name === open);
    return <>
        <p class="legend small" aria-hidden="true"><i class="cell held" /> held by a job <i class="cell others" /> held by others <i class="cell free" /> free <i class="cell off" /> cannot be had now</p>
        {byType(nodes).map(([type, list]) => (
            <section class="heat-type" key={type} aria-label={`Nodes with ${type || 'no named type'}`}>
                <h3>{type || (list.some(n => n.gpus > 0) ? 'Not named' : 'Without GPUs')} <span class="muted">{list.length}</span></h3>
                <ul class="heat">{list.map(n => <Tile key={n.name} node={n} onOpen={setOpen} />)}</ul>
            </section>
        ))}
        {chosen && <NodeDialog node={chosen} onClose={() => setOpen(undefined)} />}
    </>;
}

const Tile = memo(function Tile({node, onOpen}: {node: Node; onOpen: (name: string) => void}) {
    const look = looks[node.state];
    return (
        <li>
            <button type="button" class={`tile ${node.state === 'Ready' ? '' : 'odd'}`} title={nodeInWords(node)} aria-label={`${node.name}, ${look.word}: ${nodeInWords(node)}`} onClick={() => onOpen(node.name)}>
                <span class="tile-name">{node.name}{node.state !== 'Ready' && <span class="tile-state"> {look.word}</span>}</span>
                <span class="cells">{cellsOf(node).map((c, i) => <i key={i} class={`cell ${c.kind} ${c.kind === 'held' ? `h${c.holder % 3}` : ''}`} />)}</span>
            </button>
        </li>
    );
});

function NodeDialog({node, onClose}: {node: Node; onClose: () => void}) {
    const look = looks[node.state];
    const others = cellsOf(node).filter(c => c.kind === 'others').length;
    return (
        <Dialog title={node.name} onClose={onClose}>
            <p><Badge tone={look.tone} icon={look.icon}>{look.word}</Badge> {nodeInWords(node)}.</p>
            {node.problems && node.problems.length > 0 && <div class="box bad"><ul>{node.problems.map(p => <li key={p}>{p}</li>)}</ul></div>}
            {(node.holders.length > 0 || others > 0) && (
                <table><thead><tr><th>Job</th><th>Owner</th><th class="number">GPUs</th></tr></thead><tbody>
                    {node.holders.map(h => <tr key={`${h.namespace}/${h.job}`}><td><a href={jobPath(h.namespace, h.job)}>{h.namespace}/{h.job}</a></td><td class="wrap-any">{h.owner}</td><td class="number">{h.gpus}</td></tr>)}
                    {others > 0 && <tr><td class="muted">others</td><td /><td class="number">{others}</td></tr>}
                </tbody></table>
            )}
            {node.storages && Object.keys(node.storages).length > 0 && <><h3 class="gap">Storages</h3>
                <ul>{Object.entries(node.storages).map(([name, state]) => <li key={name}>{name}: {state === 'Healthy' ? state : <strong>{state}</strong>}</li>)}</ul></>}
        </Dialog>
    );
}
