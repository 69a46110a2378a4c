// SPDX-License-Identifier: Apache-2.0
// A component whose code is loaded when it is first shown.
import type {ComponentType} from 'preact';
import {useEffect, useState} from 'preact/hooks';
import {Loading} from './parts';

export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
    let loaded: ComponentType<P> | undefined;
    return function Lazy(props: P) {
        const [, changed] = useState(0);
        const [failed, setFailed] = useState(false);
        useEffect(() => {
            if (loaded !== undefined || failed) return;
            load().then(component => { loaded = component; changed(n => n + 1); }, () => setFailed(true));
        }, [failed]);
        if (failed) {
            return (
                <div class="box bad" role="alert">
                    <div>
                        <strong>This part of the page could not be loaded</strong>
                        <p>The portal may have been updated, or the network is away.</p>
                        <button type="button" onClick={() => location.reload()}>Load the page anew</button>
                    </div>
                </div>
            );
        }
        const Component = loaded;
        return Component === undefined ? <Loading what="page" /> : <Component {...props} />;
    };
}
