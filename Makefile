# make install   a virtual environment in .venv; nothing is compiled
# make demo      train, test and draw RSPrompter on synthetic scenes
# make test      lint, then all tests
# make lint      the style checks alone
#
# TORCH may name another build, for example
#   make install TORCH="torch==2.8.0 torchvision==0.23.0"

PYTHON ?= python3
TORCH ?= torch==2.14.1 torchvision==0.29.1

BIN := .venv/bin
INSTALLED := .venv/installed

DEMO_CONFIG ?= configs/rsprompter/rsprompter-anchor_sam-vit-tiny_2xb2-8e_synthetic-nwpu-256x256.py
DEMO_DIR := work_dirs/demo

.PHONY: install demo test lint

install: $(INSTALLED)

$(INSTALLED): setup.py pyproject.toml $(wildcard requirements/*.txt)
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet --editable '.[all,tests]'
	touch $@

# Two processes of one thread train faster than one process of two.
demo: export PATH := $(CURDIR)/$(BIN):$(PATH)
demo: export CUDA_VISIBLE_DEVICES :=
demo: $(INSTALLED)
	python tools/misc/make_synthetic.py --layout nwpu --seed 0 \
	    --num 400 --size 256 --gsd 0.3 --out data/synthetic-nwpu
	python tools/misc/make_synthetic.py --layout nwpu --seed 1 \
	    --num 12 --size 256 --gsd 0.3 --out data/synthetic-nwpu-unseen
	OMP_NUM_THREADS=1 bash tools/dist_train.sh $(DEMO_CONFIG) 2 \
	    --work-dir $(DEMO_DIR) --cfg-options train_cfg.val_begin=100
	python tools/test.py $(DEMO_CONFIG) \
	    $$(cat $(DEMO_DIR)/last_checkpoint) --work-dir $(DEMO_DIR)
	python tools/infer.py data/synthetic-nwpu-unseen/imgs \
	    $(DEMO_CONFIG) $$(cat $(DEMO_DIR)/last_checkpoint) \
	    --out-dir $(DEMO_DIR) --batch-size 4

# Two processes of one thread each: most tests are too small for more threads.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist loadfile

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
