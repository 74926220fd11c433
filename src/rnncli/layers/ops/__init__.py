"""Operations on tensors (`keras.ops`) that Keras writes into functional models, by what they do.

Sources: `keras/src/ops/{core,numpy,nn,math,linalg,image,einops}.py`.
"""
