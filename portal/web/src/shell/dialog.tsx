// SPDX-License-Identifier: Apache-2.0
// A dialog: the browser's own, which keeps the focus inside; we give it back.
import type {ComponentChildren} from 'preact';
import {useEffect, useId, useRef} from 'preact/hooks';
import {Icon} from './icons';

export function Dialog({title, onClose, children, wide}: {title: string; onClose: () => void; children: ComponentChildren; wide?: boolean}) {
    const ref = useRef<HTMLDialogElement>(null);
    const id = useId();
    useEffect(() => {
        const dialog = ref.current;
        const before = document.activeElement;
        if (dialog && !dialog.open) dialog.showModal();
        return () => {
            dialog?.close();
            // A dialog that is taken out of the document first gives the focus to nobody.
            if (before instanceof HTMLElement && before.isConnected) before.focus({preventScroll: true});
        };
    }, []);
    return (
        <dialog ref={ref} class={wide ? 'wide' : ''} aria-labelledby={id} onCancel={event => { event.preventDefault(); onClose(); }}
            onClick={event => { if (event.target === ref.current) onClose(); }}>
            <div class="dialog-body">
                <header>
                    <h2 id={id}>{title}</h2>
                    <button type="button" class="quiet icon-only" aria-label="Close" onClick={onClose}><Icon name="close" /></button>
                </header>
                {children}
            </div>
        </dialog>
    );
}
