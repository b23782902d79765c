// Opens the fold with the profile on Locust's start form and hides the two fields that a load shape switches off.
"use strict";
(() => {
  const improve = () => {
    for (const name of ["userCount", "spawnRate"]) {
      const field = document.querySelector(`input[name=${name}][disabled]`);
      const box = field && field.closest(".MuiFormControl-root");
      if (box && box.style.display !== "none") box.style.display = "none";
    }
    for (const title of document.querySelectorAll("button[aria-expanded]")) {
      if (title.dataset.loadtest || !title.textContent.includes("Custom parameters")) continue;
      title.dataset.loadtest = "seen"; // once: whoever closes it again wants it closed
      title.querySelector("p, span, h6")?.replaceChildren("Profile");
      if (title.getAttribute("aria-expanded") === "false") title.click();
    }
  };
  new MutationObserver(improve).observe(document.documentElement, { childList: true, subtree: true });
  improve();
})();
