// SPDX-License-Identifier: Apache-2.0
// What is wrong with the page as a whole: what is shown is old, the stream is away, the portal was updated.
import {useEffect, useState} from 'preact/hooks';
import {staleSince} from '../api/client';
import {newVersion, streamState} from '../api/updates';
import {duration, stamp} from './time';
import {now} from './now';
import {Icon} from './icons';

export function Banners() {
    const stale = staleSince.value;
    return (
        <div class="banners" role="status">
            {stale !== '' && (
                <div class="banner warn"><Icon name="hand" />
                    <span>The cluster's API server does not answer. What you see is as of {stamp(stale)} ({duration(now.value - Date.parse(stale))} ago); nothing can be changed until it is back.</span>
                </div>
            )}
            <Disconnected />
            {newVersion.value && (
                <div class="banner"><Icon name="info" /><span>The portal was updated.</span>
                    <button type="button" onClick={() => location.reload()}>Load the page anew</button></div>
            )}
        </div>
    );
}

/** A connection that comes back within seconds is nobody's concern. */
function Disconnected() {
    const away = streamState.value === 'waiting' || streamState.value === 'connecting';
    const [shown, setShown] = useState(false);
    useEffect(() => {
        if (!away) { setShown(false); return; }
        const timer = setTimeout(() => setShown(true), 4000);
        return () => clearTimeout(timer);
    }, [away]);
    return shown ? <div class="banner warn"><Icon name="redo" /><span>Live updates are interrupted; connecting again.</span></div> : null;
}
