"""A decryptor for tests: the "ciphertext" is the plaintext, and the mode says how to misbehave."""

import json
import os
import sys
import time

mode = sys.argv[1]
if mode == "greeting":
    print("decryptor 3.0 is ready", flush=True)
for line in sys.stdin:
    envelope = json.loads(line)
    text = envelope["encrypt_chat_msg"]
    if mode == "echo" and text == "hang":
        time.sleep(60)
    if mode == "echo" and text == "end":
        sys.exit(1)
    if mode == "babble":
        sys.stdout.write("x" * 100_000)
    elif mode == "key":
        said = {"content": envelope["random_key"]}
        print(json.dumps({"msgid": "m_1900000000", "from": "lihua", "tolist": ["b"], "msgtype": "text", "text": said}))
    elif mode == "first-fails" and not os.path.exists(sys.argv[2]):
        open(sys.argv[2], "w").close()
        print(json.dumps({"error": 10001}))
    else:
        if mode == "logging":
            print("decrypting")
        print(text)
        if mode == "twice":
            print(text)
    sys.stdout.flush()
