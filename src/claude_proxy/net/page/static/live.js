"use strict";
// Keeps the part "Now" up to date. The page is complete without it.
(() => {
  const now = document.getElementById("now");
  const state = document.getElementById("live-state");
  if (!window.EventSource) return;
  const events = new EventSource("/page/live");

  const say = (text, isLive) => {
    state.textContent = text;
    state.classList.toggle("is-live", isLive);
  };
  const ended = () => {
    events.close();
    say(`The session has ended. Type ${state.dataset.command} for another one.`, false);
  };
  const isBeingRead = () => {
    const selection = document.getSelection();
    return selection !== null && !selection.isCollapsed && now.contains(selection.anchorNode);
  };

  events.addEventListener("now", (event) => {
    // the proxy's own template, in which all text is escaped
    if (!isBeingRead()) now.innerHTML = event.data;
    say("live", true);
  });
  events.addEventListener("ended", ended);
  events.addEventListener("error", () => {
    if (events.readyState === EventSource.CLOSED) ended();
    else say("No answer from the proxy. Trying again.", false);
  });
})();
