// SPDX-License-Identifier: Apache-2.0
// What just happened: shown for some seconds, and read out.
import {signal} from '@preact/signals';

interface Note { id: number; text: string; bad: boolean }
const notes = signal<Note[]>([]);
let next = 0;

export function say(text: string, bad = false): void {
    const id = next++;
    notes.value = [...notes.value.slice(-3), {id, text, bad}];
    setTimeout(() => { notes.value = notes.value.filter(n => n.id !== id); }, bad ? 9000 : 4000);
}

export function Notes() {
    return (
        <div class="notes" role="status" aria-live="polite">
            {notes.value.map(n => <div key={n.id} class={n.bad ? 'note bad' : 'note'}>{n.text}</div>)}
        </div>
    );
}
